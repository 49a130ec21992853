"""POST /upload/image and /upload/mask store what they are given: the same content once, another under another name."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.nodes.folders import Folders, without_annotation

Save = Callable[[Path], None]


async def upload_image(request: web.Request) -> web.Response:
    form: Any = await request.post()
    image = form.get("image")
    if image is None:
        return web.Response(status=400)
    content = image.file.read()
    return _answer(request, form, content, lambda file: _write(file, content))


async def upload_mask(request: web.Request) -> web.Response:
    """A copy of the picture that `original_ref` names, with the transparency of the one that is sent. Whether there is
    such a picture, the answer does not say."""
    form: Any = await request.post()
    image = form.get("image")
    if image is None:
        return web.Response(status=400)
    content, folders = image.file.read(), request.app[SIMULATOR].stock.folders
    original = json.loads(form.get("original_ref"))
    return _answer(request, form, content, lambda file: _write_masked(folders, original, content, file))


def _answer(request: web.Request, form: Any, content: bytes, save: Save) -> web.Response:
    simulator = request.app[SIMULATOR]
    if fault := simulator.faults.strike("refuse_upload"):
        return web.Response(status=fault.details["status"])
    stored = _store(simulator.stock.folders, form, content, save)
    if stored is None:
        return web.Response(status=400)
    if simulator.faults.strike("lose_upload"):
        folder = simulator.stock.folders.by_type(stored["type"]) or simulator.stock.folders.input
        (folder / stored["subfolder"] / stored["name"]).unlink(missing_ok=True)
    return web.json_response(stored)


def _store(folders: Folders, form: Any, content: bytes, save: Save) -> dict[str, str] | None:
    """What was stored where; None if that lies outside the folder. An unknown type ends in a 500."""
    name, kind, subfolder = form["image"].filename, form.get("type", "input"), form.get("subfolder", "")
    root = folders.by_type(kind)
    if root is None:
        raise ValueError(f"no such folder: {kind}")
    folder = Path(os.path.normpath(root / subfolder))
    file = Path(os.path.abspath(folder / name))  # noqa: PTH100  # resolve() would follow links
    if os.path.commonpath((root, file)) != str(root):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    if form.get("overwrite") in ("true", "1"):
        save(file)
        return {"name": name, "subfolder": subfolder, "type": kind}
    file = _free_name(file, content)
    if not file.exists():
        save(file)
    return {"name": str(file.relative_to(folder)), "subfolder": subfolder, "type": kind}


def _free_name(file: Path, content: bytes) -> Path:
    """The name itself, or with a number if it is taken by other content."""
    number, candidate = 0, file
    while candidate.exists() and candidate.read_bytes() != content:
        number += 1
        candidate = file.with_name(f"{file.stem} ({number}){file.suffix}")
    return candidate


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def _write_masked(folders: Folders, original: Any, content: bytes, file: Path) -> None:
    source = _original(folders, original)
    if source is None or not source.is_file():
        return
    with Image.open(source) as picture, Image.open(io.BytesIO(content)) as mask:
        notes = PngInfo()
        for name, text in getattr(picture, "text", {}).items():
            notes.add_text(name, text)
        masked = picture.convert("RGBA")
        masked.putalpha(mask.convert("RGBA").getchannel("A"))
        masked.save(file, format="PNG", compress_level=4, pnginfo=notes)


def _original(folders: Folders, original: Any) -> Path | None:
    """The picture that a reference names, within its folder."""
    name, kind = without_annotation(original["filename"], original.get("type", "output"))
    folder = folders.by_type(kind)
    if not name or name[0] == "/" or ".." in name or folder is None:
        return None
    inner = Path(os.path.abspath(folder / original.get("subfolder", "")))  # noqa: PTH100  # as above
    return inner / name if os.path.commonpath((inner, folder)) == str(folder) else None
