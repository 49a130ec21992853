"""What `/object_info` of a real server says, with the models that a test wants installed."""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, ServerCapabilities
from tests.jobs import SERVER
from tests.simulator.recordings import document

RECORDED = document("0.8/http/object_info")

Page = dict[str, Any]


def object_info(
    *,
    checkpoints: Sequence[str] = ("random_sd15.safetensors",),
    loras: Sequence[str] = ("random_lora.safetensors",),
    vaes: Sequence[str] = ("pixel_space",),
    samplers: Sequence[str] = (),
    without: Sequence[str] = (),
    classes: Mapping[str, Page] | None = None,
) -> dict[str, Page]:
    """The recorded one with these models, without some node classes, and with others added or replaced."""
    pages: dict[str, Page] = copy.deepcopy(RECORDED)
    pages["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = list(checkpoints)
    pages["VAELoader"]["input"]["required"]["vae_name"][0] = list(vaes)
    for name in ("LoraLoader", "LoraLoaderModelOnly"):
        pages[name]["input"]["required"]["lora_name"][0] = list(loras)
    for name in ("KSampler", "KSamplerAdvanced"):
        pages[name]["input"]["required"]["sampler_name"][0] += samplers
    return {name: page for name, page in (pages | dict(classes or {})).items() if name not in without}


def page(
    required: Page | None = None, optional: Page | None = None, *, output: Sequence[Any] = ("IMAGE",), **facts: Any
) -> Page:
    """A node class as `/object_info` shows it."""
    inputs = {"required": required or {}, "optional": optional or {}}
    return {"input": inputs, "output": list(output), "output_node": False, "python_module": "nodes", **facts}


def publish(
    messenger: Messenger,
    info: dict[str, Page],
    server: str = SERVER,
    *,
    seconds_ago: float = 0,
    replacements: Page | None = None,
    embeddings: Sequence[str] = (),
) -> None:
    """A worker wrote down what a server can do, and last saw it answer so long ago."""
    seen = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    digest = hashlib.sha256(json.dumps([info, *embeddings]).encode()).hexdigest()
    with messenger.transaction() as session:
        session.merge(ComfyUIServer(name=server, version="0.8.0", last_seen_at=seen))
        session.flush()
        session.merge(
            ServerCapabilities(
                server=server,
                digest=digest,
                object_info=info,
                replacements=replacements or {},
                embeddings=list(embeddings),
                refreshed_at=seen,
            )
        )
