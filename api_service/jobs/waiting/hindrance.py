"""Why a job cannot start, where it is more than that others come first. It is of now: a server that comes back changes
it, and so does a job of the same user that ends."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Exists, case, exists, func, null
from sqlmodel import col

from shared.fleet.capabilities import HAS_LABELS_EACH, RUNNABLE_EACH
from shared.fleet.servers import USABLE
from shared.models import GenerationJob, JobStatus, Pause

LOOKED_FOR_AFTER = timedelta(seconds=10)  # most jobs have started by then, and need not be compared with all servers


class Reason(StrEnum):
    PAUSE = "pause"  # an operator wants it
    SERVER = "server"  # none can be used
    LABELS = "labels"  # none that can be used has those that the job asks for
    NAMES = "names"  # none that can be used has all models and nodes that it names
    LIMIT = "limit"  # as many jobs of its user run as may


class Hindrance(NamedTuple):
    """Why a job cannot start, and the same in words."""

    reason: Reason
    message: str


def some_server(*conditions: ColumnElement[bool]) -> Exists:
    return exists().where(USABLE, *conditions)


# What the servers lack that can be used now, for a row of `generation_jobs`; null where one of them would run the job.
LACK: ColumnElement[str | None] = case(
    (col(GenerationJob.run_after) > func.now() - LOOKED_FOR_AFTER, null()),
    (some_server(RUNNABLE_EACH), null()),
    (some_server(HAS_LABELS_EACH), Reason.NAMES.value),
    (some_server(), Reason.LABELS.value),
    else_=Reason.SERVER.value,
)


def hindrance_of(
    job: GenerationJob, now: datetime, *, may_start: bool, lack: str | None, pause: Pause | None
) -> Hindrance | None:
    """Why a job of the queue whose time has come cannot start. `lack` is its LACK; `may_start` says that neither a
    pause nor a limit holds it back."""
    if job.status != JobStatus.QUEUED or job.run_after is None or job.run_after > now:
        return None
    if pause is not None:
        whose = "the queue" if pause.user_id is None else "the jobs of this user"
        return Hindrance(Reason.PAUSE, ": ".join(filter(None, (f"an operator has paused {whose}", pause.reason))))
    if lack is not None:
        return Hindrance(Reason(lack), LACKING[Reason(lack)].format(labels=", ".join(job.requires or ())))
    is_in_time = job.started_at is not None or job.deadline_at is None or job.deadline_at > now
    return None if may_start or not is_in_time else Hindrance(Reason.LIMIT, AT_THE_LIMIT)


LACKING = {
    Reason.SERVER: "no ComfyUI server can be used now",
    Reason.LABELS: "no server that can be used now has every label that the job asks for: {labels}",
    Reason.NAMES: "no server that can be used now has all models and nodes that the job names",
}
AT_THE_LIMIT = "as many jobs of this user run as may at once"
