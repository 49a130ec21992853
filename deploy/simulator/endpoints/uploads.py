"""POST /upload/image stores what it is given: the same content once, another content under another name."""

import os
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.nodes.folders import Folders


async def upload_image(request: web.Request) -> web.Response:
    form: Any = await request.post()
    image = form.get("image")
    if image is None:
        return web.Response(status=400)
    content, name = image.file.read(), image.filename
    stored = _store(request.app[SIMULATOR].stock.folders, name, content, form)
    return web.json_response(stored) if stored else web.Response(status=400)


def _store(folders: Folders, name: str, content: bytes, form: Any) -> dict[str, str] | None:
    """What was stored where; None if that lies outside the folder. An unknown type ends in a 500."""
    kind, subfolder = form.get("type", "input"), form.get("subfolder", "")
    root = folders.by_type(kind)
    if root is None:
        raise ValueError(f"no such folder: {kind}")
    folder = Path(os.path.normpath(root / subfolder))
    file = Path(os.path.abspath(folder / name))  # noqa: PTH100  # resolve() would follow links
    if os.path.commonpath((root, file)) != str(root):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    if form.get("overwrite") not in ("true", "1"):
        file = _free_name(file, content)
        name = str(file.relative_to(folder))
    file.write_bytes(content)
    return {"name": name, "subfolder": subfolder, "type": kind}


def _free_name(file: Path, content: bytes) -> Path:
    """The name itself, or with a number if it is taken by other content."""
    number, candidate = 0, file
    while candidate.exists() and candidate.read_bytes() != content:
        number += 1
        candidate = file.with_name(f"{file.stem} ({number}){file.suffix}")
    return candidate
