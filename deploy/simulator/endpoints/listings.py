"""What the server offers: node classes, models, its own state."""

import os
import sys
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.messages.sockets import FEATURES
from deploy.simulator.nodes.catalogue import NODES
from deploy.simulator.nodes.interface import Node, Stock, resolved

SPOKEN_VERSION = "0.8.0"
MODEL_FOLDERS = (
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "latent_upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
)
METADATA_INPUTS = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


async def describe_nodes(request: web.Request) -> web.Response:
    stock = request.app[SIMULATOR].stock
    return web.json_response({name: described(node, stock) for name, node in NODES.items()})


async def describe_node(request: web.Request) -> web.Response:
    node = NODES.get(request.match_info["node_class"])
    return web.json_response({node.name: described(node, request.app[SIMULATOR].stock)} if node else {})


async def list_model_folders(_request: web.Request) -> web.Response:
    return web.json_response(MODEL_FOLDERS)


async def list_models(request: web.Request) -> web.Response:
    folder, stock = request.match_info["folder"], request.app[SIMULATOR].stock
    if folder not in MODEL_FOLDERS:
        return web.Response(status=404)
    return web.json_response({"checkpoints": stock.checkpoints, "loras": stock.loras}.get(folder, ()))


async def list_embeddings(_request: web.Request) -> web.Response:
    return web.json_response([])


async def list_features(_request: web.Request) -> web.Response:
    return web.json_response(FEATURES)


async def show_system(_request: web.Request) -> web.Response:
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = (page * os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    system = {
        "os": sys.platform,
        "ram_total": total,
        "ram_free": free,
        "comfyui_version": SPOKEN_VERSION,
        "required_frontend_version": "1.35.9",
        "installed_templates_version": None,
        "required_templates_version": "0.7.67",
        "python_version": sys.version,
        "pytorch_version": "none (simulated)",
        "embedded_python": False,
        "argv": sys.argv,
    }
    memory = {"vram_total": total, "vram_free": free, "torch_vram_total": total, "torch_vram_free": free}
    return web.json_response({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None, **memory}]})


def described(node: Node, stock: Stock) -> dict[str, Any]:
    """A node class as /object_info shows it, in the dialect of its generation; without its texts."""
    inputs: dict[str, Any] = {"required": {name: resolved(spec, stock) for name, spec in node.required.items()}}
    if node.optional:
        inputs["optional"] = {name: resolved(spec, stock) for name, spec in node.optional.items()}
    if node.takes_metadata:
        inputs["hidden"] = {name: [kind] if node.schema else kind for name, kind in METADATA_INPUTS.items()}
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
