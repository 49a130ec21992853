"""GET /view serves files by type, subfolder and name, as they are or turned into a smaller picture."""

import asyncio
import io
import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from PIL import Image

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.faults.fault_book import Fault
from deploy.simulator.nodes.folders import Folders, without_annotation
from deploy.simulator.running.simulator import Simulator

# A browser would run these: they are served as something it will not open.
NOT_SERVED_AS_SUCH = frozenset(
    {"text/html", "text/html-sandboxed", "application/xhtml+xml", "text/javascript", "text/css", "image/svg+xml"}
)
CHUNKS = 20  # of a slowly served file
DEFAULT_QUALITY = 90
MIB = 1 << 20


class NotServedError(Exception):
    """No file is served for these parameters; `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def view(request: web.Request) -> web.StreamResponse:
    simulator, query = request.app[SIMULATOR], request.rel_url.query
    try:
        file = _named_file(simulator.stock.folders, query)
    except NotServedError as error:
        return web.Response(status=error.status)
    headers = {"Content-Disposition": f'filename="{file.name}"'}
    if tampered := await _tampered(request, simulator, file, headers):
        return tampered
    if "preview" in query:
        return _preview(file, query["preview"], headers)
    channel = query.get("channel", "rgba")
    if channel in ("rgb", "a"):
        return web.Response(body=_one_channel(file, channel), content_type="image/png", headers=headers)
    return web.FileResponse(file, headers={**headers, "Content-Type": _content_type(file)})


def _named_file(folders: Folders, query: Mapping[str, str]) -> Path:
    if "filename" not in query:
        raise NotServedError(404)
    name, kind = without_annotation(query["filename"], query.get("type", "output"))
    if not name or name[0] == "/" or ".." in name:
        raise NotServedError(400)
    folder = folders.by_type(kind)
    if folder is None:
        raise NotServedError(400)
    if "subfolder" in query:
        inner = os.path.abspath(folder / query["subfolder"])  # noqa: PTH100  # resolve() would follow links
        if os.path.commonpath((inner, folder)) != str(folder):
            raise NotServedError(403)
        folder = Path(inner)
    file = folder / Path(name).name
    if not file.is_file():
        raise NotServedError(404)
    return file


def _content_type(file: Path) -> str:
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return "application/octet-stream" if guessed in NOT_SERVED_AS_SUCH else guessed


def _preview(file: Path, wanted: str, headers: dict[str, str]) -> web.Response:
    form, _, quality = wanted.partition(";")
    if form not in ("webp", "jpeg"):
        form = "webp"
    encoded = io.BytesIO()
    with Image.open(file) as image:
        picture = image.convert("RGB") if form == "jpeg" else image
        picture.save(encoded, format=form, quality=int(quality) if quality.isdigit() else DEFAULT_QUALITY)
    return web.Response(body=encoded.getvalue(), content_type=f"image/{form}", headers=headers)


def _one_channel(file: Path, channel: str) -> bytes:
    encoded = io.BytesIO()
    with Image.open(file) as image:
        if channel == "rgb":
            picture = image.convert("RGB")
        else:
            alpha = image.convert("RGBA").getchannel("A")
            picture = Image.new("RGBA", image.size)
            picture.putalpha(alpha)
        picture.save(encoded, format="PNG")
    return encoded.getvalue()


async def _tampered(
    request: web.Request, simulator: Simulator, file: Path, headers: dict[str, str]
) -> web.StreamResponse | None:
    """The answer a fault gives instead of the right one."""
    strike, path = simulator.faults.strike, request.path_qs
    if strike("missing_file", path=path):
        return web.Response(status=404)
    if fault := strike("half_file", path=path):
        return await _half(request, fault, file, headers)
    if fault := strike("padded_file", path=path):
        return await _padded(request, file, headers, fault.details["megabytes"])
    if fault := strike("slow_file", path=path):
        return await _in_chunks(request, await asyncio.to_thread(file.read_bytes), headers, fault.details["seconds"])
    return None


async def _half(request: web.Request, fault: Fault, file: Path, headers: dict[str, str]) -> web.StreamResponse:
    """`short`: a complete answer of half a file; `broken`: the connection ends midway; `truncate`: the file is cut."""
    whole = await asyncio.to_thread(file.read_bytes)
    half = whole[: len(whole) // 2]
    if fault.details["how"] == "truncate":
        await asyncio.to_thread(file.write_bytes, half)
    if fault.details["how"] != "broken":
        return web.Response(body=half, content_type=_content_type(file), headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_type, response.content_length = _content_type(file), len(whole)
    await response.prepare(request)
    await response.write(half)
    if request.transport is not None:
        request.transport.close()
    return response


async def _padded(request: web.Request, file: Path, headers: dict[str, str], megabytes: int) -> web.StreamResponse:
    """The file, then megabytes of nothing. The length is not announced."""
    response = web.StreamResponse(headers={**headers, "Content-Type": _content_type(file)})
    await response.prepare(request)
    await response.write(await asyncio.to_thread(file.read_bytes))
    for _ in range(megabytes):
        await response.write(bytes(MIB))
    return response


async def _in_chunks(request: web.Request, whole: bytes, headers: dict[str, str], seconds: float) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_length = len(whole)
    await response.prepare(request)
    size = len(whole) // CHUNKS + 1
    for start in range(0, len(whole), size):
        await asyncio.sleep(seconds / CHUNKS)
        await response.write(whole[start : start + size])
    return response
