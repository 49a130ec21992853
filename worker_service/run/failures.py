"""What follows each way of failing: one table."""

from typing import NamedTuple

from shared.jobs.errors import (
    ComfyUIUnreachable,
    GenerationError,
    NodeFailed,
    NoOutputs,
    OutOfMemory,
    OutputCorrupt,
    OutputMissing,
    Poison,
    PromptInterrupted,
    PromptLost,
    ServerWedged,
    Stalled,
    StorageUnavailable,
    TimedOut,
    Unexpected,
    WorkflowRejected,
)
from shared.models import Outcome


class Treatment(NamedTuple):
    """`again` is how the attempt ends if the job is tried again, None if it never is.

    `most` is how often it may be tried again after this failure, None if as often as it has attempts left.
    `blamed` counts against the server, and opens its circuit breaker; `trusted` says that the server did its part.
    `gone` servers get no job until they answer again. `elsewhere` gives the job to another server, if there is one.
    `free` asks the server to let go of its memory.
    """

    again: Outcome | None = None
    most: int | None = None
    blamed: bool = False
    trusted: bool = False
    gone: bool = False
    elsewhere: bool = False
    free: bool = False


RETRIED, IN_DOUBT = Outcome.RETRIED, Outcome.IN_DOUBT

FAILURES: dict[type[GenerationError], Treatment] = {
    # Its prompt may be alive, so it is looked for before another is sent.
    ComfyUIUnreachable: Treatment(IN_DOUBT, blamed=True, gone=True),
    # The result is still in ComfyUI: the next attempt collects it, and nothing is generated again.
    StorageUnavailable: Treatment(IN_DOUBT),
    Unexpected: Treatment(IN_DOUBT),
    # Its prompt is of no more use: another is sent.
    PromptLost: Treatment(RETRIED, blamed=True, gone=True),
    PromptInterrupted: Treatment(RETRIED),
    ServerWedged: Treatment(RETRIED, blamed=True, elsewhere=True),
    Stalled: Treatment(RETRIED, blamed=True, elsewhere=True),
    OutOfMemory: Treatment(RETRIED, most=1, elsewhere=True, free=True),
    # Each was read four times. A new prompt saves under a new name, so that no cached result names the old file.
    OutputCorrupt: Treatment(RETRIED, most=1, blamed=True),
    OutputMissing: Treatment(RETRIED, most=1, blamed=True),
    # The same job would fail the same way.
    WorkflowRejected: Treatment(trusted=True),
    NodeFailed: Treatment(trusted=True),
    NoOutputs: Treatment(trusted=True),
    TimedOut: Treatment(),
    Poison: Treatment(),
}

# The codes that count against a server.
BLAMED = frozenset(error.code for error, treatment in FAILURES.items() if treatment.blamed)


def treatment_of(error: GenerationError) -> Treatment:
    return FAILURES[type(error)]
