"""All routes on one screen; every one of ComfyUI's is there again under /api."""

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from deploy.simulator.endpoints import control, jobs, listings, prompt, queue, tooling, uploads, view
from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.endpoints.middleware import answer_preflights, keep_strangers_out, meet_faults
from deploy.simulator.running.simulator import Simulator

LARGEST_BODY = 104857600
PAGES = Path(__file__).parent / "pages"


async def open_socket(request: web.Request) -> web.StreamResponse:
    return await request.app[SIMULATOR].sockets.serve(request)


async def show_front_page(_request: web.Request) -> web.StreamResponse:
    headers = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "0"}
    return web.FileResponse(PAGES / "index.html", headers=headers)


COMFYUI_ROUTES: Sequence[web.RouteDef] = (
    web.get("/ws", open_socket),
    web.get("/prompt", prompt.count_prompts),
    web.post("/prompt", prompt.submit_prompt),
    web.get("/queue", queue.show_queue),
    web.post("/queue", queue.change_queue),
    web.get("/history", queue.show_history),
    web.get("/history/{prompt_id}", queue.show_history_of_one),
    web.post("/history", queue.change_history),
    web.post("/interrupt", queue.interrupt),
    web.post("/free", queue.free_memory),
    web.get("/view", view.view),
    web.post("/upload/image", uploads.upload_image),
    web.post("/upload/mask", uploads.upload_mask),
    web.get("/object_info", listings.describe_nodes),
    web.get("/object_info/{node_class}", listings.describe_node),
    web.get("/models", listings.list_model_folders),
    web.get("/models/{folder}", listings.list_models),
    web.get("/embeddings", listings.list_embeddings),
    web.get("/features", listings.list_features),
    web.get("/node_replacements", listings.list_replacements),
    web.get("/system_stats", listings.show_system),
)

# For ComfyUI's own pages; not below /api.
INTERNAL_ROUTES: Sequence[web.RouteDef] = (web.get("/internal/logs/raw", listings.show_log),)

JOB_ROUTES: Sequence[web.RouteDef] = (
    web.get("/api/jobs", jobs.list_jobs),
    web.get("/api/jobs/{prompt_id}", jobs.show_job),
    web.post("/api/jobs/cancel", jobs.cancel_jobs),
    web.post("/api/jobs/{prompt_id}/cancel", jobs.cancel_job),
)

TOOLING_ROUTES: Sequence[web.RouteDef] = (
    web.get("/api/etn/image/{picture_id}", tooling.show_picture),
    web.put("/api/etn/image/{picture_id}", tooling.take_picture),
    web.get("/api/etn/model_info/{folder}", tooling.describe_models),
    web.get("/api/etn/languages", tooling.list_languages),
)

CONTROL_ROUTES: Sequence[web.RouteDef] = (
    web.get("/simulator/executions", control.show_executions),
    web.get("/simulator/requests", control.count_requests),
    web.post("/simulator/reset", control.reset_everything),
    web.post("/simulator/pace", control.set_pace),
    web.delete("/simulator/pictures", control.forget_pictures),
    web.post("/simulator/protocol", control.set_protocol),
    web.get("/simulator/faults", control.list_faults),
    web.post("/simulator/faults", control.arm_fault),
    web.delete("/simulator/faults", control.clear_faults),
    web.get(r"/simulator/faults/{number:\d+}", control.await_fault),
    web.delete(r"/simulator/faults/{number:\d+}", control.clear_faults),
)


def create_app(simulator: Simulator, base_path: str) -> web.Application:
    """Everything, or all but the control surface under a base path, as behind a proxy."""
    served = _comfyui(simulator)
    if not base_path:
        served.add_routes(CONTROL_ROUTES)
        _serve_pages(served)
        return served
    _serve_pages(served)
    outer = web.Application()
    outer[SIMULATOR] = simulator
    outer.add_routes(CONTROL_ROUTES)
    outer.add_subapp(base_path, served)
    return outer


def _comfyui(simulator: Simulator) -> web.Application:
    app = web.Application(
        client_max_size=LARGEST_BODY,
        middlewares=[meet_faults, answer_preflights, keep_strangers_out],
    )
    app[SIMULATOR] = simulator
    app.add_routes([*COMFYUI_ROUTES, *JOB_ROUTES, *INTERNAL_ROUTES, *TOOLING_ROUTES])
    app.add_routes([web.route(known.method, f"/api{known.path}", known.handler) for known in COMFYUI_ROUTES])
    return app


def _serve_pages(app: web.Application) -> None:
    app.router.add_get("/", show_front_page)
    app.router.add_static("/", PAGES)  # Last: it takes whatever is left, and gives unknown paths their odd 404.
