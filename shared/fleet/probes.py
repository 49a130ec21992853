"""What workers look at in a ComfyUI server, and what each look found last: kept in the server's row, for everybody."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from shared.models import ComfyUIServer

LONGEST_PROBLEM = 1000  # characters


class ProbeKind(StrEnum):
    ANSWERS = "answers"  # its version and its queue
    RUNS = "runs"  # a small prompt of ours, once the server was found wedged
    LOG = "log"  # whether its own log says that its thread has ended, while its queue does not move
    CAPABILITIES = "capabilities"  # its nodes and models
    RESTART = "restart"  # the restart command


class ProbeOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # the server did not answer, or not as a server that is well
    REFUSED = "refused"  # it answered that it does not take our question: no sign that it is not well


def found(kind: ProbeKind, outcome: ProbeOutcome, problem: str | None = None) -> ColumnElement[Any]:
    """The jsonb that says what a probe found just now."""
    problem = in_words(problem) if problem else None
    return func.jsonb_build_object(
        literal(kind.value),
        func.jsonb_build_object("at", func.now(), "outcome", literal(outcome.value), "problem", literal(problem)),
        type_=JSONB,
    )


def with_found(kind: ProbeKind, outcome: ProbeOutcome, problem: str | None = None) -> ColumnElement[Any]:
    """The value of a row's `probes` after this one."""
    return col(ComfyUIServer.probes).concat(found(kind, outcome, problem))


def in_words(text: str, most: int = LONGEST_PROBLEM) -> str:
    """As much of a text from outside as a row takes: without U+0000 and halves of surrogate pairs, and not too long."""
    return text[:most].replace("\0", "").encode(errors="replace").decode()
