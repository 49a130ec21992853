"""What the models of a server are, such as SDXL or made for inpainting: told by the nodes of comfyui-tooling-nodes.

The server reads the head of each file for it, so it is asked for a few at a time, and not for ever. Without an answer
clients go by the names of the files.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

import structlog

from shared.jobs.errors import ComfyUIUnreachable
from shared.texts.storable import LONGEST_NAME, name
from shared.workflows.image_cache import LOADING
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import ANSWER, Bounds

log = structlog.get_logger(__name__)

PATH = "/api/etn/model_info"
FOLDERS = ("checkpoints", "diffusion_models", "unet_gguf")
AT_ONCE = 8
BOUNDS = Bounds(ANSWER.most_bytes // 8, within_s=60, silence_s=60)
MOST = 10_000  # models of a folder
MOST_SAID = 16  # of one model
ALL_WITHIN_S = 300.0  # of one server
UNKNOWN = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND})

Models = dict[str, dict[str, Any]]  # what is said of each model of a folder, by its name


def model_info_of(client: ComfyUIClient, object_info: Mapping[str, Any]) -> dict[str, Models | None]:
    """What the server says of its models, by folder; None for a folder that it has not, or a server without these
    nodes. A folder of which it does not answer is left out."""
    if LOADING not in object_info:
        return dict.fromkeys(FOLDERS)
    found: dict[str, Models | None] = {}
    ends_at = time.monotonic() + ALL_WITHIN_S
    for folder in FOLDERS:
        try:
            found[folder] = models_in(client, folder, ends_at)
        except ComfyUIUnreachable as error:
            log.info("model_info.not_read", server=client.name, folder=folder, error=str(error))
    return found


def models_in(client: ComfyUIClient, folder: str, ends_at: float) -> Models | None:
    """The models of a folder; None where the server has no such folder. Raises ComfyUIUnreachable."""
    found: Models = {}
    for offset in range(0, MOST, AT_ONCE):
        if time.monotonic() > ends_at:
            raise ComfyUIUnreachable(client.name, f"it takes more than {ALL_WITHIN_S:.0f} s to look at its models")
        params = {"offset": str(offset), "limit": str(AT_ONCE)}
        status, content = client.ask("GET", f"{PATH}/{folder}", bounds=BOUNDS, accepts=UNKNOWN, params=params)
        if status in UNKNOWN:
            return None
        page = client.json_object(content, PATH)
        found |= models_on(page)
        meta = page.get("_meta")
        total = meta.get("total") if isinstance(meta, dict) else None
        if not isinstance(total, int) or offset + AT_ONCE >= total:
            break
    return dict(list(found.items())[:MOST])


def models_on(page: Mapping[str, Any]) -> Models:
    """The models of a page. Each has at least what clients cannot do without."""
    return {
        model: said_of(info)
        for model, info in page.items()
        if isinstance(info, dict) and isinstance(info.get("base_model"), str) and 0 < len(model) <= LONGEST_NAME
    }


def said_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """Texts, flags and numbers, made storable; nothing else is known to be there."""
    plain = ((name(key), value) for key, value in info.items() if isinstance(value, str | bool | int | float))
    return {key: name(value) if isinstance(value, str) else value for key, value in islice(plain, MOST_SAID)}
