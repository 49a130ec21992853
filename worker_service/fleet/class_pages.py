"""What a server can do is read as a whole, or class by class where the whole is not to be had.

On newer ComfyUI `/object_info` has all files of the server looked through, and one class that does not describe itself
can break it. `/object_info/{class}` does neither.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from shared.jobs.errors import ComfyUIUnreachable
from worker_service.comfyui.client import LARGEST_OBJECT_INFO, ComfyUIClient

# Between them they list the models of every folder that most graphs use.
LOADERS = (
    "CheckpointLoaderSimple",
    "UNETLoader",
    "CLIPLoader",
    "VAELoader",
    "LoraLoader",
    "ControlNetLoader",
    "UpscaleModelLoader",
    "CLIPVisionLoader",
    "StyleModelLoader",
    "KSampler",
)
ALL_WITHIN_S = 120.0
MOST_SILENT = 3  # classes in a row that do not answer, after which the server is taken to be away
NAMED = 5  # classes in a note


class Pages(NamedTuple):
    """The page of each class. `note` is what is wrong with them, in words."""

    classes: dict[str, Any]
    note: str | None = None


def read_pages(client: ComfyUIClient, last_known: Callable[[], Mapping[str, Any]]) -> Pages:
    """The pages of all classes; those last known, one by one, where the server does not answer for all of them. Raises
    ComfyUIUnreachable where it answers for none."""
    try:
        return Pages(client.object_info())
    except ComfyUIUnreachable as error:
        last = last_known()
        if not last:
            raise
        return one_by_one(client, last, error)


def one_by_one(client: ComfyUIClient, last: Mapping[str, Any], problem: ComfyUIUnreachable) -> Pages:
    """What does not answer, or is beyond the bounds of bytes or time, stays as it was."""
    pages, kept, silent, size = dict(last), [], 0, 0
    ends_at = time.monotonic() + ALL_WITHIN_S
    for name in last:
        if time.monotonic() > ends_at or size > LARGEST_OBJECT_INFO:
            kept.append(name)
            continue
        try:
            found = client.class_info(name)
        except ComfyUIUnreachable:
            kept.append(name)
            silent += 1
            if silent == len(kept) == MOST_SILENT:
                raise problem from None
            continue
        silent = 0
        size += len(json.dumps(found))
        if found is None:
            del pages[name]
        else:
            pages[name] = found
    named = ", ".join(kept[:NAMED]) + (f" and {len(kept) - NAMED} more" if len(kept) > NAMED else "")
    unknown = f"; as they last were: {named}" if kept else ""
    return Pages(pages, f"{problem.reason}; its {len(last)} known classes were read one by one{unknown}")


def lists_the_same(client: ComfyUIClient, loaders: Mapping[str, Any]) -> bool:
    """Whether these loaders list the same models as before. Cheap, and true only where that was seen."""
    try:
        return bool(loaders) and all(client.class_info(name) == page for name, page in loaders.items())
    except ComfyUIUnreachable:
        return False
