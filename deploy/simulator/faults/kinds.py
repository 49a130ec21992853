"""Each kind of fault is one row of a table that says what a body may hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Moment(StrEnum):
    """The places in the life of a prompt where execution can be made to end, hang or fail."""

    NOW = "now"  # at once, whatever runs
    TAKE = "take"  # the worker is about to take the next prompt from the queue
    TAKEN = "taken"  # it has taken it, and said nothing yet
    STARTED = "started"  # after execution_start
    PLANNED = "planned"  # after execution_cached, before the first node
    NODE = "node"  # a node has been announced and is about to do its work
    STEP = "step"  # a sampler has reported a step
    WRITE = "write"  # half of an output file is written
    SUCCEEDED = "succeeded"  # after execution_success, before the history entry
    DONE = "done"  # after the history entry


IN_A_PROMPT = tuple(moment for moment in Moment if moment is not Moment.NOW)


@dataclass(frozen=True)
class Field:
    """What one field of a fault's body may be."""

    types: tuple[type, ...]
    default: Any = None
    choices: tuple[str, ...] = ()
    at_least: float | None = None


TEXT = Field((str, type(None)))
MOMENT_FIELDS: Mapping[str, Field] = {
    "prompt_id": TEXT,
    "node": TEXT,
    "step": Field((int, type(None)), at_least=1),
}
SECONDS = Field((int, float), 1.0, at_least=0)
PATH = {"path": TEXT}
MEGABYTES = Field((int,), 1, at_least=0)


@dataclass(frozen=True)
class Kind:
    """One kind of fault: how often it strikes unless a request says otherwise (None: until cleared), and its fields."""

    times: int | None
    fields: Mapping[str, Field]


def _at(default: Moment, *choices: Moment) -> Mapping[str, Field]:
    return {"at": Field((str,), default.value, tuple(choices)), **MOMENT_FIELDS}


KINDS: Mapping[str, Kind] = {
    "die": Kind(1, {"code": Field((int,), 1, at_least=0), **_at(Moment.NOW, *Moment)}),
    "stall": Kind(1, _at(Moment.NODE, *IN_A_PROMPT)),
    "kill_worker": Kind(1, _at(Moment.TAKE, *IN_A_PROMPT)),
    "node_error": Kind(
        1,
        {
            **MOMENT_FIELDS,
            "exception_type": Field((str,), "RuntimeError"),
            "exception_message": Field((str,), "made to fail"),
        },
    ),
    "out_of_memory": Kind(1, MOMENT_FIELDS),
    "freeze_sockets": Kind(None, {}),
    "drop_sockets": Kind(1, {"refuse_seconds": Field((int, float), 0.0, at_least=0)}),
    "half_file": Kind(1, {**PATH, "how": Field((str,), "short", ("short", "broken", "truncate"))}),
    "slow_file": Kind(1, {**PATH, "seconds": SECONDS}),
    "missing_file": Kind(1, PATH),
    "refuse": Kind(1, {"how": Field((str,), "503", ("503", "500", "drop"))}),
    "refuse_upload": Kind(1, {"status": Field((int,), 500, at_least=400)}),
    "lose_upload": Kind(1, {}),
    "error_after_queue": Kind(1, {}),
    "forget_history": Kind(1, {"when": Field((str,), "now", ("now", "written")), "prompt_id": TEXT}),
    "latency": Kind(None, {**PATH, "seconds": SECONDS}),
    "hang_http": Kind(None, PATH),
    "own_prompt_id": Kind(None, {}),
    "trickle": Kind(None, {**PATH, "seconds": SECONDS, "chunks": Field((int,), 20, at_least=1)}),
    "gzip_bomb": Kind(None, {**PATH, "megabytes": MEGABYTES}),
    "padded_file": Kind(None, {**PATH, "megabytes": MEGABYTES}),
    "answer": Kind(
        None,
        {
            **PATH,
            "status": Field((int,), 200, at_least=200),
            "body": Field((str,), ""),
            "content_type": Field((str,), "application/json"),
        },
    ),
    "guard": Kind(None, {"header": Field((str,), "Authorization"), "value": Field((str,), "")}),
}
