"""What a WebSocket frame of ComfyUI says, and about which prompt. Pure functions."""

import math
import struct
from collections.abc import Container
from typing import Any, NamedTuple

from shared.texts.storable import name
from worker_service.comfyui.texts.json_text import read_json

PREVIEW_WITH_METADATA = 4
LARGEST_COUNT = 2**53  # of a node's steps: beyond this JSON readers differ


class Cached(NamedTuple):
    """These nodes need not run."""

    nodes: list[str]


class NodeStates(NamedTuple):
    """How far each node is that has been reached: node -> (value, max, state)."""

    nodes: dict[str, tuple[float, float, str]]


class Preview(NamedTuple):
    """A picture of what the sampler is doing."""

    media_type: str
    image: bytes


class Ended(NamedTuple):
    """The prompt has ended; the history says how. If it `is_written` the history has it now, else in a moment."""

    is_written: bool


Frame = Cached | NodeStates | Preview | Ended

ENDINGS = {"execution_success", "execution_error", "execution_interrupted"}
# How frames begin that mean nothing here, as ComfyUI writes them: half of those of a small job, which need no reading.
NO_NEWS = tuple(f'{{"type": "{kind}"' for kind in ("status", "execution_start", "executed", "progress"))
A_NODE_RUNS, NO_NODE = '{"type": "executing"', '"node": null'


def read_frame(frame: str | bytes, wanted: Container[str]) -> tuple[str, Frame] | None:
    """The prompt and what the frame says of it, or None where that is not a wanted one, is nothing, or is not
    understood."""
    try:
        if isinstance(frame, bytes):
            return read_binary(frame, wanted)
        return None if is_no_news(frame) else read_text(read_json(frame), wanted)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError, struct.error):
        return None


def is_no_news(frame: str) -> bool:
    return frame.startswith(NO_NEWS) or (frame.startswith(A_NODE_RUNS) and NO_NODE not in frame)


def read_text(message: dict[str, Any], wanted: Container[str]) -> tuple[str, Frame] | None:
    data = message["data"]
    prompt_id = data.get("prompt_id")
    if prompt_id not in wanted:
        return None
    meaning = meaning_of(message["type"], data)
    return None if meaning is None else (prompt_id, meaning)


def meaning_of(kind: Any, data: dict[str, Any]) -> Frame | None:
    if kind in ENDINGS:
        return Ended(is_written=False)
    if kind == "executing" and data["node"] is None:
        return Ended(is_written=True)
    if kind == "execution_cached":
        return Cached([name(node) for node in data["nodes"]])
    if kind == "progress_state":
        states = {name(node): node_state(state) for node, state in data["nodes"].items()}
        known = {node: state for node, state in states.items() if state is not None}
        return NodeStates(known) if known else None
    return None


def node_state(state: Any) -> tuple[float, float, str] | None:
    """How far a node is, or None where that is not understood."""
    try:
        return count(state["value"]), count(state["max"]), name(state["state"])
    except (ValueError, LookupError, TypeError):
        return None


def count(value: Any) -> float:
    """A node's own count, 0 where it is no number: then the node is at work all the same."""
    number = 0.0 if value is None or (isinstance(value, int) and abs(value) > LARGEST_COUNT) else float(value)
    return number if math.isfinite(number) and abs(number) <= LARGEST_COUNT else 0.0


def read_binary(frame: bytes, wanted: Container[str]) -> tuple[str, Frame] | None:
    """`4 | length of JSON | JSON | image`, the numbers big-endian u32.

    The older form, `1 | format | image`, does not name its prompt, and a prompt without a client_id sends it to every
    socket: it is ignored.
    """
    event, length = struct.unpack(">II", frame[:8])
    if event != PREVIEW_WITH_METADATA:
        return None
    metadata = read_json(frame[8 : 8 + length])
    prompt_id = metadata["prompt_id"]
    if prompt_id not in wanted:
        return None
    return prompt_id, Preview(name(metadata["image_type"]), frame[8 + length :])
