"""What the pool is, as if it were one ComfyUI: node classes, models, devices, and what can be asked of it."""

import re
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.doors.native.asking.operations import AnyBody, NativeRequest, operation
from api_service.doors.native.views.features import features
from api_service.fleet.object_infos import KnownDevices, usable_devices
from api_service.http.answers import Json
from api_service.http.entity_tags import has_it
from shared.fleet.model_folders import EMBEDDINGS
from shared.models import Scope

# ComfyUI's folders go by other names than kinds of ours do.
OURS_ALONE = {"vaes", "samplers", "schedulers"}
VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")
OLDEST = "0.8.0"
NUMBERS = ("vram_total", "vram_free", "torch_vram_total", "torch_vram_free")


async def show_object_info(request: NativeRequest) -> Response:
    """Every node class of every server."""
    info = await request.services.run(request.services.object_infos.current)
    headers = {"ETag": info.tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if has_it(request.http, info.tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if "gzip" in request.http.headers.get("accept-encoding", ""):
        packed = {**headers, "Content-Encoding": "gzip"}
        return Response(info.packed, headers=packed, media_type="application/json")
    return Response(info.whole, headers=headers, media_type="application/json")


async def show_class(request: NativeRequest) -> Response:
    """One node class; nothing for one that no server has."""
    info = await request.services.run(request.services.object_infos.current)
    name = request.path["node_class"]
    page = info.classes.get(name)
    if page is None:
        return Json({})
    return Response(b"{" + Json(name).body + b":" + page + b"}", media_type="application/json")


async def list_folders(request: NativeRequest) -> Response:
    """The folders of models that some server has."""
    capabilities = await request.services.run(request.services.capabilities.current)
    return Json([kind for kind in capabilities.kinds() if kind not in OURS_ALONE])


async def list_models(request: NativeRequest) -> Response:
    """The models of a folder that some server has; 404 for no folder."""
    models = await models_in(request)
    return Response(status_code=HTTPStatus.NOT_FOUND) if models is None else Json(models)


async def list_model_files(request: NativeRequest) -> Response:
    """The same as newer clients ask for it: with the folder of each, as if each kind had one."""
    models = await models_in(request)
    if models is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return Json([{"name": name, "pathIndex": 0} for name in models])


async def models_in(request: NativeRequest) -> list[str] | None:
    """The models of a folder that some server has; None where it is no folder."""
    capabilities = await request.services.run(request.services.capabilities.current)
    kind = request.path["folder"]
    return None if kind in OURS_ALONE or kind not in capabilities.kinds() else list(capabilities.models(kind))


async def list_embeddings(request: NativeRequest) -> Response:
    """The embeddings that some server has, without the endings of their files."""
    capabilities = await request.services.run(request.services.capabilities.current)
    return Json(list(capabilities.models(EMBEDDINGS)))


async def list_nothing(_request: NativeRequest) -> Response:
    """An empty list: there is no editor here to extend."""
    return Json([])


async def show_nothing(_request: NativeRequest) -> Response:
    """An empty object: whatever the editor of a ComfyUI is set to."""
    return Json({})


async def show_storage(_request: NativeRequest) -> Response:
    """What a ComfyUI says that has one user: here, whoever asks."""
    return Json({"storage": "server", "migrated": True})


async def show_system(request: NativeRequest) -> Response:
    """One system for all: the lowest version there is, and one device for each server that is given jobs."""
    servers = await request.services.run(usable_devices, request.services.engine)
    versions = [server.version for server in servers if server.version]
    system = {
        "os": "posix",
        "ram_total": 0,
        "ram_free": 0,
        "comfyui_version": min(versions, key=version_key, default=OLDEST),
        "required_frontend_version": None,
        "installed_templates_version": None,
        "required_templates_version": None,
        "python_version": "3.11.0",
        "pytorch_version": "2.0.0",
        "embedded_python": False,
        "argv": ["main.py"],
    }
    return Json({"system": system, "devices": [device_of(index, server) for index, server in enumerate(servers)]})


def device_of(index: int, server: KnownDevices) -> dict[str, Any]:
    """The first device of a server. Its name says nothing of where the server is."""
    first = server.devices[0] if server.devices else {}
    numbers = {name: first.get(name) or 0 for name in NUMBERS}
    return {"name": first.get("name") or "server", "type": first.get("type") or "cpu", "index": index, **numbers}


def version_key(version: str) -> tuple[int, ...]:
    found = VERSION.match(version)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)


async def show_features(request: NativeRequest) -> Response:
    """What this end of the connection understands."""
    return Json(features(request.services.settings.asset_max_bytes))


async def free(_request: NativeRequest) -> Response:
    """Nothing is done: whose models are unloaded is not one client's to say."""
    return Response()


OPERATIONS = (
    operation("GET", "/object_info", show_object_info, Scope.READ),
    operation("GET", "/object_info/{node_class}", show_class, Scope.READ),
    operation("GET", "/models", list_folders, Scope.READ),
    operation("GET", "/models/{folder}", list_models, Scope.READ),
    operation("GET", "/experiment/models/{folder}", list_model_files, Scope.READ),
    operation("GET", "/embeddings", list_embeddings, Scope.READ),
    operation("GET", "/extensions", list_nothing, Scope.READ),
    operation("GET", "/settings", show_nothing, Scope.READ),
    operation("GET", "/users", show_storage, Scope.READ),
    operation("GET", "/system_stats", show_system, Scope.READ),
    operation("GET", "/features", show_features, Scope.READ),
    operation("POST", "/free", free, Scope.WRITE, body=AnyBody),
)
