"""What runs, what waits, what has run: to look at, to delete from, to interrupt."""

import json
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.running.prompt_queue import PromptQueue


async def show_queue(request: web.Request) -> web.Response:
    running, pending = request.app[SIMULATOR].queue.snapshot()
    return web.json_response(
        {"queue_running": [item.shown for item in running], "queue_pending": [item.shown for item in pending]}
    )


async def change_queue(request: web.Request) -> web.Response:
    queue, body = request.app[SIMULATOR].queue, await request.json()
    if "clear" in body and body["clear"]:  # noqa: RUF019  # a list is a body too
        queue.wipe()
    if "delete" in body:
        for prompt_id in body["delete"]:
            queue.delete(prompt_id)
    return web.Response()


async def show_history(request: web.Request) -> web.Response:
    """All of it, oldest first; with `max_items` only that many: the newest, or those from `offset` on."""
    past = request.app[SIMULATOR].queue.past()
    most = request.rel_url.query.get("max_items")
    if most is None:
        return web.json_response(past)
    count, offset = int(most), int(request.rel_url.query.get("offset", -1))
    start = offset if offset >= 0 else max(len(past) - count, 0)
    return web.json_response(dict(list(past.items())[start : start + count]))


async def show_history_of_one(request: web.Request) -> web.Response:
    """`{}` for whatever has not run to its end here: unknown, waiting, running, deleted, or before a restart."""
    prompt_id = request.match_info["prompt_id"]
    past = request.app[SIMULATOR].queue.past()
    return web.json_response({prompt_id: past[prompt_id]} if prompt_id in past else {})


async def change_history(request: web.Request) -> web.Response:
    queue, body = request.app[SIMULATOR].queue, await request.json()
    if "clear" in body and body["clear"]:  # noqa: RUF019  # as above
        queue.forget()
    if "delete" in body:
        for prompt_id in body["delete"]:
            queue.forget(prompt_id)
    return web.Response()


async def interrupt(request: web.Request) -> web.Response:
    """Without a prompt_id this stops whatever runs, whosever it is."""
    simulator = request.app[SIMULATOR]
    try:
        body: Any = await request.json()
    except json.JSONDecodeError:
        body = {}
    prompt_id = body.get("prompt_id")
    if not prompt_id or _runs(simulator.queue, prompt_id):
        simulator.interrupted.set()
    return web.Response()


async def free_memory(request: web.Request) -> web.Response:
    body = await request.json()
    if body.get("free_memory", False):
        request.app[SIMULATOR].queue.empty_cache()
    return web.Response()


def _runs(queue: PromptQueue, prompt_id: str) -> bool:
    running, _ = queue.snapshot()
    return any(item.prompt_id == prompt_id for item in running)
