"""The outcomes of an attempt at a job, and which exception stands for which."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ParamSpec, TypeVar

from dramatiq.middleware import TimeLimitExceeded

from shared.jobs.errors import CancelRequested, GenerationError, LeaseLost, WorkerStopping
from shared.jobs.warnings import JobWarning
from shared.models import JobOutput


@dataclass(frozen=True)
class Done:
    """The outputs are stored and verified, and `warnings` say what to know of them. `storing` is how long that took
    after ComfyUI was done."""

    outputs: Sequence[JobOutput]
    warnings: Sequence[JobWarning]
    storing: timedelta


@dataclass(frozen=True)
class Failed:
    """The attempt failed. The table of failures decides whether the job is tried again."""

    error: GenerationError


@dataclass(frozen=True)
class Cancelled:
    """The job's owner wants no result; its prompt may still be alive."""


@dataclass(frozen=True)
class TimedOut:
    """The soft time limit passed."""

    raised: TimeLimitExceeded


@dataclass(frozen=True)
class Released:
    """This worker stops: the prompt stays in ComfyUI, and the next worker adopts the job."""


@dataclass(frozen=True)
class Lost:
    """The job is not this worker's any more: another one has it, or it has ended."""


@dataclass(frozen=True)
class Written:
    """The outcome is in the database. `raises`, if any, has Dramatiq send the message again, or bury it."""

    raises: BaseException | None = None


Interrupted = Cancelled | TimedOut | Released | Lost
Outcome = Done | Failed | Interrupted

P = ParamSpec("P")
T = TypeVar("T")


def outcome_of(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Interrupted:
    """Call `work` and return its result, or the outcome that cut it short."""
    try:
        return work(*args, **kwargs)
    except LeaseLost:
        return Lost()
    except CancelRequested:
        return Cancelled()
    except WorkerStopping:
        return Released()
    except TimeLimitExceeded as error:
        return TimedOut(error)
