"""POST /prompt parses trustingly: what it trips over becomes a 500, sometimes after the prompt was queued."""

import uuid
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.protocol import replacements
from deploy.simulator.protocol.prompt_ids import is_canonical
from deploy.simulator.protocol.validation import Rules, judge
from deploy.simulator.running.prompt_queue import SECRETS, Item
from deploy.simulator.running.simulator import Simulator

INVALID_PROMPT_ID = {
    "type": "invalid_prompt_id",
    "message": "prompt_id must be a valid UUID",
    "details": "prompt_id must be a UUID string in canonical lowercase hyphenated form;"
    " omit it to let the server generate one",
    "extra_info": {},
}
NO_PROMPT = {
    "type": "no_prompt",
    "message": "No prompt provided",
    "details": "No prompt provided",
    "extra_info": {},
}


class MadeToAnswer500(Exception):
    """A fault asked for this."""


async def count_prompts(request: web.Request) -> web.Response:
    return web.json_response({"exec_info": {"queue_remaining": request.app[SIMULATOR].queue.remaining}})


async def submit_prompt(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    if fault := simulator.faults.strike("refuse"):
        return _refuse(request, fault.details["how"])
    body = await request.json()
    number = _number(body, simulator)
    if "prompt" not in body:
        return web.json_response({"error": NO_PROMPT, "node_errors": {}}, status=400)
    prompt_id = _prompt_id(body, simulator)
    if prompt_id is None:
        return web.json_response({"error": INVALID_PROMPT_ID, "node_errors": {}}, status=400)
    prompt = body["prompt"]
    if simulator.spoken.protocol.replaces_nodes:
        replacements.apply(prompt, replacements.SAID, simulator.nodes)
    rules = Rules(simulator.nodes, simulator.stock, simulator.spoken.protocol)
    judgement = judge(prompt, rules, body.get("partial_execution_targets"))
    if judgement.error is not None:
        return web.json_response({"error": judgement.error, "node_errors": judgement.node_errors}, status=400)
    extra_data = _extra_data(request, body, simulator)
    sensitive = {name: extra_data.pop(name) for name in SECRETS if name in extra_data}
    item = Item(number, prompt_id, prompt, extra_data, judgement.outputs, sensitive)
    simulator.dial.compute(simulator.dial.pace.prompt_cpu_seconds)
    _enqueue(simulator, item)
    if simulator.faults.strike("error_after_queue"):
        raise MadeToAnswer500
    return web.json_response({"prompt_id": prompt_id, "number": number, "node_errors": judgement.node_errors})


def _number(body: Any, simulator: Simulator) -> float:
    """Also counts requests that turn out to hold no prompt, or a bad one."""
    if "number" in body:
        return float(body["number"])
    number = simulator.counter.next()
    return -number if "front" in body and body["front"] else number  # noqa: RUF019  # the body may be a list


def _prompt_id(body: dict[str, Any], simulator: Simulator) -> str | None:
    """The client's, or a new one; None if this version refuses the client's."""
    if simulator.faults.strike("own_prompt_id"):
        return str(uuid.uuid4())
    if not simulator.spoken.protocol.ids_are_uuids:
        return str(body.get("prompt_id", uuid.uuid4()))
    given = body.get("prompt_id")
    if given is None:
        return str(uuid.uuid4())
    return given if isinstance(given, str) and is_canonical(given) else None


def _extra_data(request: web.Request, body: dict[str, Any], simulator: Simulator) -> dict[str, Any]:
    extra_data = body.get("extra_data", {})
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    source = request.headers.get("Comfy-Usage-Source")
    if simulator.spoken.protocol.keeps_usage_source and source and "comfy_usage_source" not in extra_data:
        extra_data["comfy_usage_source"] = source
    extra_data["create_time"] = simulator.moments.next()
    return extra_data  # type: ignore[no-any-return]  # whatever the client sent


def _enqueue(simulator: Simulator, item: Item) -> None:
    prefixes = [
        node["inputs"]["filename_prefix"]
        for node in item.prompt.values()
        if isinstance(node.get("inputs"), dict) and isinstance(node["inputs"].get("filename_prefix"), str)
    ]
    simulator.ledger.accepted(item.prompt_id, item.extra_data.get("client_id"), prefixes)
    simulator.log.write("got prompt\n")
    simulator.queue.put(item)


def _refuse(request: web.Request, how: str) -> web.StreamResponse:
    if how == "drop" and request.transport is not None:
        request.transport.close()
    if how == "500":
        raise MadeToAnswer500
    return web.Response(status=503)
