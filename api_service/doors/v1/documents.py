"""What this is, for people and for programs: `/`, `/openapi.json`, and Swagger UI at `/docs` from our own files."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from api_service.doors.pages.files import LOOK_AGAIN, built_files, send
from api_service.http.description.serving import document_route
from api_service.http.operations import PathRoute
from api_service.http.server.root_path import below_root
from shared.version import VERSION

PAGES = Path(__file__).parent / "pages"
# Swagger UI makes its styles and icons as it goes, and shows a downloaded picture; scripts come from here alone.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'"
FRONT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript"}
# Where Swagger UI's files are, and what they are called among the pages that `make pages` has made.
SWAGGER_UI = {f"/docs/static/{name}": f"swagger/{name}" for name in ("swagger-ui-bundle.js", "swagger-ui.css")}
NOT_MADE = HTTPStatus.SERVICE_UNAVAILABLE
ADDRESSES = {"studio": "/studio", "docs": "/docs", "openapi": "/openapi.json", "ready": "/health/ready"}


async def front(request: Request) -> Response:
    """Where to go from here: a page for a browser, JSON for others."""
    if "text/html" in request.headers.get("accept", ""):
        return filled("front.html", {"Content-Security-Policy": FRONT_POLICY, "Vary": "Accept"})
    addresses = {name: below_root(address) for name, address in ADDRESSES.items()}
    return JSONResponse({"service": "Genonaut Generation", "version": VERSION, **addresses}, headers={"Vary": "Accept"})


def filled(name: str, headers: Mapping[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A file of these pages, with its addresses as this client reaches them."""
    text = (PAGES / name).read_text().replace("{{root}}", below_root(""))
    return Response(text, status, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


def routes(document: Callable[[], Mapping[str, Any]]) -> list[BaseRoute]:
    """The routes that show this document."""

    async def page(_request: Request) -> Response:
        if not built_files().keys() >= set(SWAGGER_UI.values()):
            return filled("docs_not_made.html", {"Content-Security-Policy": FRONT_POLICY}, NOT_MADE)
        return filled("docs.html", {"Content-Security-Policy": POLICY})

    async def script(_request: Request) -> Response:
        return filled("docs.js")

    return [
        Route("/", front, methods=["GET"]),
        document_route("/openapi.json", document),
        PathRoute("/docs", page, methods=["GET"]),
        Route("/docs/page.js", script, methods=["GET"]),
        *(Route(path, part, methods=["GET"]) for path in SWAGGER_UI),
    ]


async def part(request: Request) -> Response:
    """A file of Swagger UI, which is among those of the pages."""
    file = built_files().get(SWAGGER_UI[request.url.path])
    if file is None:
        return PlainTextResponse("Swagger UI is not here: see /docs", status_code=HTTPStatus.NOT_FOUND)
    return send(request, file, LOOK_AGAIN)
