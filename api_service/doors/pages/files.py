"""The pages as files: an HTML file each, and scripts and styles whose names have a hash of their content."""

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

BUILT = Path(__file__).parents[2] / "pages" / "built"
ICON = BUILT.parent / "icon.svg"
# Pictures come from this service; previews and what a user drops are made in the page.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Not as this machine's own table has them.
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
FOR_EVER = "public, max-age=31536000, immutable"
LOOK_AGAIN = "no-cache"
NOT_BUILT = """<!doctype html><html lang="en"><title>No pages here</title>
<p>The pages of this installation were not made. Run <code>make pages</code> where it was installed from, and start the
API again. The API itself works: see <a href="docs">its description</a>.</p></html>"""


class PageFile(NamedTuple):
    """A file as it is sent: plain, and smaller for who takes gzip."""

    plain: bytes
    small: bytes
    media_type: str
    tag: str


@cache
def built_files() -> Mapping[str, PageFile]:
    """All of them, by their path below `built`. Read when the first page is asked for."""
    if not (BUILT / "built").exists():
        return {}
    found = [path for path in BUILT.rglob("*") if path.suffix in MEDIA_TYPES]
    files = {str(path.relative_to(BUILT)): as_file(path) for path in found}
    return {**files, "icon.svg": as_file(ICON)}


def as_file(path: Path) -> PageFile:
    content = path.read_bytes()
    small = path.with_name(f"{path.name}.gz")
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    return PageFile(
        content, small.read_bytes() if small.exists() else gzip.compress(content), MEDIA_TYPES[path.suffix], tag
    )


def send(request: Request, file: PageFile, cache_control: str) -> Response:
    headers = {**HEADERS, "Cache-Control": cache_control, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.small, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.plain, media_type=file.media_type, headers=headers)


async def page(request: Request) -> Response:
    """The HTML of a page, which is the last part of the address."""
    name = request.url.path.rpartition("/")[2].replace("-", "_")
    file = built_files().get(f"{name}.html")
    if file is None:
        return HTMLResponse(NOT_BUILT, status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=HEADERS)
    return send(request, file, LOOK_AGAIN)


async def without_slash(request: Request) -> Response:
    """What a page names is beside it, and not below."""
    return RedirectResponse(f"../{request.url.path.rstrip('/').rpartition('/')[2]}")


async def part(request: Request) -> Response:
    """A script, a style, a picture or a licence of the pages."""
    name = request.path_params["name"]
    file = built_files().get(name)
    if file is None:
        return PlainTextResponse("there is no such part of a page; reload it", status_code=404, headers=HEADERS)
    return send(request, file, FOR_EVER if "-" in name else LOOK_AGAIN)
