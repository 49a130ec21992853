"""The addresses that comfyui-tooling-nodes add to a server: pictures of its cache, and what its models are."""

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.nodes.image_cache import CachedPicture


async def show_picture(request: web.Request) -> web.Response:
    simulator, picture_id = request.app[SIMULATOR], request.match_info["picture_id"]
    found = simulator.stock.images.get(picture_id)
    if found is None or simulator.faults.strike("missing_file", path=request.path):
        return web.json_response({"error": "Image not found"}, status=404)
    return web.Response(body=found.content, content_type=found.media_type)


async def take_picture(request: web.Request) -> web.Response:
    """Stores nothing under an id that has a picture already, and does not look at what it stores."""
    simulator, picture_id = request.app[SIMULATOR], request.match_info["picture_id"]
    if fault := simulator.faults.strike("refuse_upload"):
        return web.Response(status=fault.details["status"])
    content = await request.read()
    if not simulator.stock.images.put(picture_id, CachedPicture(content, request.content_type)):
        return web.json_response({"status": "cached"})
    if simulator.faults.strike("lose_upload"):
        del simulator.stock.images.pictures[picture_id]
    return web.json_response({"status": "success"}, status=201)


async def describe_models(request: web.Request) -> web.Response:
    """What each model of a folder is, by its name here; a page of them, where one is asked for."""
    simulator, folder = request.app[SIMULATOR], request.match_info["folder"]
    if folder not in simulator.spoken.protocol.model_folders:
        return web.json_response({"error": "Invalid folder path"}, status=400)
    names = simulator.stock.checkpoints if folder == "checkpoints" else ()
    offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", 1000))
    page = names[offset : offset + limit]
    infos: dict[str, object] = {name: _info(name) for name in page}
    if "limit" in request.query:
        infos["_meta"] = {"offset": offset, "count": len(page), "total": len(names)}
    return web.json_response(infos)


def _info(name: str) -> dict[str, object]:
    if "xl" in name.lower():
        return {"base_model": "sdxl", "is_inpaint": False, "type": "eps"}
    return {"base_model": "sd15", "is_inpaint": "inpaint" in name.lower()}


async def list_languages(_request: web.Request) -> web.Response:
    return web.json_response([])
