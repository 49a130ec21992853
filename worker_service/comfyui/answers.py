"""What ComfyUI's answers mean: pure functions from its JSON to what a job needs to know."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from shared.database.storable import LONGEST_DETAIL, MOST_DETAILS, cut, name
from shared.jobs.errors import GenerationError, NodeFailed, OutOfMemory, PromptInterrupted
from worker_service.comfyui.history_outputs import Output, Shown


@dataclass(frozen=True)
class Waiting:
    """The prompt is in ComfyUI's queue."""


@dataclass(frozen=True)
class Running:
    """The prompt is what ComfyUI works on."""


@dataclass(frozen=True)
class Gone:
    """Neither queue nor history knows the prompt."""


@dataclass(frozen=True)
class Finished:
    """The prompt is in the history: with `error` it failed, without it succeeded."""

    outputs: Iterable[Output]
    error: GenerationError | None


Whereabouts = Waiting | Running | Finished | Gone


LARGEST_NUMBER = 2**63


class Queue(NamedTuple):
    """The ids of the prompts that a server runs, and of those that wait there, the next one first."""

    running: tuple[str, ...]
    pending: tuple[str, ...]


def queue_of(answer: Mapping[str, Any]) -> Queue:
    """`GET /queue`. Its entries are `[number, prompt_id, graph, ...]`; the lowest number runs first."""
    pending = sorted(answer["queue_pending"], key=lambda entry: number_of(entry[0]))
    return Queue(tuple(name(entry[1]) for entry in answer["queue_running"]), tuple(name(entry[1]) for entry in pending))


def number_of(value: Any) -> float:
    """Where a prompt stands in the queue. Whoever sends one chooses it, and may choose what is none, such as NaN: such
    a one comes last."""
    is_number = isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER
    return value if is_number else math.inf


def in_queue(queue: Mapping[str, Any], prompt_id: str) -> Waiting | Running | None:
    """Where `GET /queue` has the prompt. Its entries are `[number, prompt_id, graph, ...]`."""
    if any(entry[1] == prompt_id for entry in queue["queue_running"]):
        return Running()
    if any(entry[1] == prompt_id for entry in queue["queue_pending"]):
        return Waiting()
    return None


def in_history(history: Mapping[str, Any], prompt_id: str) -> Finished | None:
    """What `GET /history/{prompt_id}` says: `{}` until the prompt has ended. Raises TypeError for what is none."""
    entry = history.get(prompt_id)
    if entry is None:
        return None
    outputs = entry["outputs"] or {}
    if not isinstance(outputs, dict):
        raise TypeError("the outputs are no object of nodes")
    order = [node_id for node_id in entry["prompt"][2] if isinstance(node_id, str)]
    return Finished(Shown(outputs, order), error_in(entry["status"]))


def error_in(status: Mapping[str, Any]) -> GenerationError | None:
    """Why a prompt in the history failed. An interrupted one has "error" too; only its messages tell them apart."""
    if status.get("status_str") == "success":
        return None
    for kind, message in status.get("messages", ()):
        if kind == "execution_interrupted":
            return PromptInterrupted(name_in(message.get("node_id")), name_in(message.get("node_type")))
        if kind == "execution_error":
            return node_error(
                node_id=name(message.get("node_id")),
                node_type=name(message.get("node_type")),
                exception_type=name(message.get("exception_type")),
                message=cut(str(message.get("exception_message", "")).strip()),
            )
    return NodeFailed("?", "?", "?", "ComfyUI gave no reason")


# PyTorch's names: torch.OutOfMemoryError since 2.5, torch.cuda.OutOfMemoryError before, and a RuntimeError where a
# library of the driver ran out. ComfyUI adds the last one to a message that names no memory.
OUT_OF_MEMORY_TYPE = "OutOfMemoryError"
OUT_OF_MEMORY_WORDS = ("cuda out of memory", "hip out of memory", "mps backend out of memory", "ran out of memory on")


def node_error(*, node_id: str, node_type: str, exception_type: str, message: str) -> NodeFailed | OutOfMemory:
    """What a node raised. A full graphics card can pass; everything else is the workflow's fault."""
    full = exception_type.endswith(OUT_OF_MEMORY_TYPE) or any(word in message.lower() for word in OUT_OF_MEMORY_WORDS)
    kind = OutOfMemory if full else NodeFailed
    return kind(node_id, node_type, exception_type, message)


def node_errors(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """ComfyUI's validation errors as a flat list: node, its class, the field, and what is wrong with it. The first
    hundred of them: there can be one for each input of each node."""
    errors = (
        {
            "node_id": name(node_id),
            "node_type": name_in(node.get("class_type")),
            "field": name_in(object_in(error, "extra_info").get("input_name")),
            "code": name_in(error.get("type")),
            "message": said_in(error),
        }
        for node_id, node in found.items()
        if isinstance(node, dict)
        for error in list_in(node, "errors")
        if isinstance(error, dict)
    )
    return list(islice(errors, MOST_DETAILS))


def object_in(page: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object that should be under a key. A text there is taken for its message."""
    found = page.get(key)
    return found if isinstance(found, dict) else {"message": found} if isinstance(found, str) else {}


def list_in(page: Mapping[str, Any], key: str) -> list[Any]:
    found = page.get(key)
    return found if isinstance(found, list) else []


def name_in(value: Any) -> str | None:
    return None if value is None else name(value)


def said_in(error: Mapping[str, Any]) -> str:
    """What an error of ComfyUI says, in one text."""
    return ": ".join(cut(str(part), LONGEST_DETAIL) for part in (error.get("message"), error.get("details")) if part)


def refusal(body: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """A 400 of `POST /prompt`: one sentence that names the first node and field, and all errors."""
    errors = node_errors(object_in(body, "node_errors"))
    if not errors:
        return f"ComfyUI refused the workflow: {said_in(object_in(body, 'error')) or 'without a reason'}", []
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"ComfyUI refused node {first['node_id']} ({first['node_type']}): {first['message']}{more}", errors


LONGEST_VERSION = 64  # characters


def version_in(stats: Mapping[str, Any]) -> str:
    """The server's version in `GET /system_stats`."""
    system = stats.get("system")
    return name(system.get("comfyui_version", "unknown") if isinstance(system, dict) else "unknown", LONGEST_VERSION)
