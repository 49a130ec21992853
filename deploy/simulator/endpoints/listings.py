"""What the server offers: node classes, models, its own state."""

import os
import sys
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.nodes.interface import Node, Stock, resolved
from deploy.simulator.protocol.replacements import SAID
from deploy.simulator.running.prompt_queue import SECRETS
from deploy.simulator.running.simulator import Simulator

METADATA_INPUTS = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


async def describe_nodes(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return web.json_response({node.name: _page(node, simulator) for node in simulator.nodes.values()})


async def describe_node(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    node = simulator.nodes.get(request.match_info["node_class"])
    return web.json_response({node.name: _page(node, simulator)} if node else {})


async def list_model_folders(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].spoken.protocol.model_folders)


async def list_models(request: web.Request) -> web.Response:
    folder, simulator = request.match_info["folder"], request.app[SIMULATOR]
    stock = simulator.stock
    if folder not in simulator.spoken.protocol.model_folders:
        return web.Response(status=404)
    return web.json_response({"checkpoints": stock.checkpoints, "loras": stock.loras}.get(folder, ()))


async def list_embeddings(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].stock.embeddings)


async def list_features(request: web.Request) -> web.Response:
    return web.json_response(dict(request.app[SIMULATOR].spoken.protocol.features))


async def show_log(request: web.Request) -> web.Response:
    return web.json_response(request.app[SIMULATOR].log.page())


async def list_replacements(request: web.Request) -> web.Response:
    if not request.app[SIMULATOR].spoken.protocol.replaces_nodes:
        raise web.HTTPNotFound
    return web.json_response(SAID)


async def show_system(request: web.Request) -> web.Response:
    protocol = request.app[SIMULATOR].spoken.protocol
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = (page * os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    system = {
        "os": sys.platform,
        "ram_total": total,
        "ram_free": free,
        "comfyui_version": protocol.version,
        "installed_templates_version": None,
        **protocol.system,
        "python_version": sys.version,
        "pytorch_version": "none (simulated)",
        "embedded_python": False,
        "argv": sys.argv,
    }
    memory = {"vram_total": total, "vram_free": free, "torch_vram_total": total, "torch_vram_free": free}
    return web.json_response({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None, **memory}]})


def _page(node: Node, simulator: Simulator) -> dict[str, Any]:
    page = described(node, simulator.stock)
    if not simulator.spoken.protocol.saving_nodes_give:
        return page
    names = [node.passes_on] if node.passes_on and node.passes_on != "source" else node.outputs
    page |= {"output_name": names, "is_input_list": False, "has_intermediate_output": False, "search_aliases": []}
    return page | ({"dev_only": False, "price_badge": None} if node.schema else {})


def described(node: Node, stock: Stock) -> dict[str, Any]:
    """A node class as /object_info shows it, in the dialect of its generation; without its texts."""
    inputs: dict[str, Any] = {"required": {name: resolved(spec, stock) for name, spec in node.required.items()}}
    if node.optional:
        inputs["optional"] = {name: resolved(spec, stock) for name, spec in node.optional.items()}
    if node.takes_metadata:
        inputs["hidden"] = {name: [kind] if node.schema else kind for name, kind in METADATA_INPUTS.items()}
    if node.takes_id:
        inputs["hidden"] = {"unique_id": "UNIQUE_ID"}
    if node.takes_secrets:
        inputs["hidden"] = {name: name.upper() for name in SECRETS}
    page = {
        "input": inputs,
        "input_order": {part: list(names) for part, names in inputs.items()},
        "output": node.outputs,
        "output_is_list": [False] * len(node.outputs),
        "output_name": node.outputs,
        "name": node.name,
        "display_name": node.display_name,
        "description": "",
        "python_module": node.module,
        "category": node.category,
        "output_node": node.output_node,
    }
    if node.schema:
        page |= {"output_matchtypes": None, "deprecated": False, "experimental": False, "api_node": False}
    return page | dict(node.flags)
