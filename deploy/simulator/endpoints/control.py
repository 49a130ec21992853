"""The control surface under /simulator/, for tests, demos and chaos runs; the real server has nothing like it.

GET    /simulator/executions               {"worker_alive": true, "sockets": ["c"], "prompts": {PROMPT_ID: {
                                           "accepted": 1, "started": 1, "finished": 1, "outcomes": ["success"],
                                           "nodes": ["1", "9"], "filename_prefixes": ["x"], "client_id": "c"}}}
       ?prompt_id=ID&within=SECONDS        waits until that prompt has finished (`times` times, else once); 408 if not
GET    /simulator/requests                 {"GET /history": 2, "POST /prompt": 1}: how many have come, without ids
POST   /simulator/reset                    as if just started, with empty folders; 409 if the worker is dead or hangs
POST   /simulator/pace                     {"step_seconds": 0.1}: change any of step_seconds, load_seconds,
                                           node_seconds, gpu_seconds (or null), write_seconds, history_seconds,
                                           prompt_cpu_seconds, node_cpu_seconds, megapixel_cpu_seconds
POST   /simulator/protocol                 {"name": "0.8"}, or "0.33": speak as that ComfyUI does, until a reset
DELETE /simulator/pictures                 the cache of pictures forgets all that is in it
POST   /simulator/faults                   {"kind": "stall", "step": 2}: arm a fault; the answer holds its id
GET    /simulator/faults                   {"faults": [...]}: those armed, and those that hold something
GET    /simulator/faults/ID?within=SECONDS waits until that fault has struck; 408 if it does not
DELETE /simulator/faults, .../faults/ID    take back all, or one: what is held goes on

Every fault takes `times`: how often it strikes (null: until cleared; the default is in brackets). Those that strike
a prompt take `prompt_id`, `node` (a class) and `step` to say which, and `at` to say when: now, take, taken, started,
planned, node, step, write, succeeded, done (see `faults.Moment`); a `step` implies at=step, a `node` at=node.

die (1)              end the process with `code` at once, or `at` a moment
stall (1)            execution hangs until cleared, at the next node or `at` another moment; HTTP goes on
kill_worker (1)      the worker thread ends before it takes a prompt (nothing runs any more), or `at` another moment
                     (then that prompt stays in queue_running); HTTP goes on
node_error (1)       a node, or a sampler after `step`, fails with `exception_type` and `exception_message`
out_of_memory (1)    a sampler fails after a step as a full graphics card makes it fail
freeze_sockets       WebSockets stay open and silent: no message, no pong; what is said meanwhile is lost
drop_sockets         all WebSockets are cut, and new ones refused with 503 for `refuse_seconds`
half_file (1)        a /view answer holds half the file; `how`: short, broken (cut off), truncate (for good)
slow_file (1)        a /view answer takes `seconds`
missing_file (1)     a /view answer is 404
refuse (1)           POST /prompt answers `how`: 503, 500, or drop (the connection is closed)
refuse_upload (1)    POST /upload/image or /upload/mask answers `status` and stores nothing
lose_upload (1)      ... answers as always, and the file is gone
error_after_queue (1) POST /prompt answers 500 although the prompt is queued
forget_history (1)   history loses its entries, or that of `prompt_id`, `when`: now, or written (as soon as it is there)
latency              every answer comes `seconds` later, or those whose path begins with `path`
own_prompt_id        POST /prompt gives the prompt an id of its own, whatever the client wanted
answer               `status`, `body` and `content_type` are the answer, or only where the path begins with `path`
trickle              an answer comes in `chunks` spread over `seconds`, or only where the path begins with `path`
gzip_bomb            an answer is gzip of `megabytes` of blanks and then its JSON, or only for `path`
padded_file          a /view answer goes on for `megabytes`, or only for `path`
guard                401 unless the request has that `header` with that `value`
hang_http            no answer, or none where the path begins with `path`; cleared, the connections are closed
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.faults.fault_book import BadFaultError, Fault
from deploy.simulator.faults.kinds import Moment
from deploy.simulator.running.resetting import reset
from deploy.simulator.running.simulator import Simulator

DEATH_DELAY_SECONDS = 0.02  # Long enough for the answer to leave.


async def show_executions(request: web.Request) -> web.Response:
    simulator, query = request.app[SIMULATOR], request.rel_url.query
    if "prompt_id" in query:
        times, within = int(query.get("times", 1)), _seconds(query)
        wait = simulator.ledger.wait_finished
        if not await asyncio.to_thread(wait, query["prompt_id"], times, within):
            return web.json_response({"error": f"prompt {query['prompt_id']!r} has not finished"}, status=408)
    return web.json_response(
        {
            "worker_alive": simulator.worker.alive,
            "sockets": simulator.sockets.open_ids,
            "prompts": simulator.ledger.page(),
        }
    )


async def forget_pictures(request: web.Request) -> web.Response:
    request.app[SIMULATOR].stock.images.clear()
    return web.Response(status=204)


async def count_requests(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].counter.requests)


async def reset_everything(request: web.Request) -> web.Response:
    if await reset(request.app[SIMULATOR], within=_seconds(request.rel_url.query)):
        return web.Response(status=204)
    return web.json_response({"error": "the worker is dead or hangs"}, status=409)


async def set_pace(request: web.Request) -> web.Response:
    simulator, body = request.app[SIMULATOR], await _body(request)
    try:
        simulator.dial.pace = simulator.dial.pace.changed(body)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response(asdict(simulator.dial.pace))


async def set_protocol(request: web.Request) -> web.Response:
    spoken, body = request.app[SIMULATOR].spoken, await _body(request)
    try:
        spoken.change(body.get("name"))
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response({"name": spoken.name})


async def arm_fault(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    try:
        fault = simulator.faults.arm(await _body(request))
    except BadFaultError as error:
        return web.json_response({"error": str(error)}, status=400)
    _act_at_once(simulator, fault)
    return web.json_response(fault.page(), status=201)


async def list_faults(request: web.Request) -> web.Response:
    return web.json_response({"faults": request.app[SIMULATOR].faults.page()})


async def await_fault(request: web.Request) -> web.Response:
    fault = request.app[SIMULATOR].faults.find(int(request.match_info["number"]))
    if fault is None:
        return web.json_response({"error": "no such fault: never armed, cleared, or spent"}, status=404)
    if not await asyncio.to_thread(fault.has_struck.wait, _seconds(request.rel_url.query)):
        return web.json_response({"error": f"{fault.kind} has not struck"}, status=408)
    return web.json_response(fault.page())


async def clear_faults(request: web.Request) -> web.Response:
    number = request.match_info.get("number")
    request.app[SIMULATOR].faults.clear(int(number) if number else None)
    return web.Response(status=204)


def _act_at_once(simulator: Simulator, fault: Fault) -> None:
    """Three kinds are deeds rather than traps: they happen now."""
    loop = asyncio.get_running_loop()
    match fault.kind, fault.details:
        case "die", {"at": Moment.NOW, "code": code}:
            loop.call_later(DEATH_DELAY_SECONDS, simulator.leave, code)
        case "drop_sockets", {"refuse_seconds": seconds}:
            simulator.sockets.drop_all()
            loop.call_later(seconds, simulator.faults.clear, fault.number)
        case "forget_history", {"when": "now", "prompt_id": prompt_id}:
            simulator.queue.forget(prompt_id)
            simulator.faults.clear(fault.number)


async def _body(request: web.Request) -> Any:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    raise web.HTTPBadRequest(text='{"error": "the body must be a JSON object"}', content_type="application/json")


def _seconds(query: Mapping[str, str]) -> float:
    return float(query.get("within", 10))
