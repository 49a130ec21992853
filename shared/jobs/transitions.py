"""The one place where a job's status changes: a table of transitions, each a conditional UPDATE.

    pending ──> queued ──> running ──> completed
       │          │ ^         │ │ └──> failed
       │          │ └─ retry ─┘ v
       └──────────┴──> ... cancelling
                  v           v
    expired or cancelled <────┘

`shared.jobs.before_start`, `shared.jobs.lifecycle` and `shared.jobs.cancel` make them: before a worker has the job,
while a worker has it, and whenever its owner wants no result.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, ColumnElement, Integer, Update, any_, cast, func, update
from sqlmodel import Session, col

from shared.models import FINAL, EventType, GenerationJob, JobStatus


class Transition(NamedTuple):
    """From which statuses a job comes, which it has then, and the event of it, if there is one."""

    sources: tuple[JobStatus, ...]
    target: JobStatus
    event: EventType | None = None


TRANSITIONS = {
    "defer": Transition((JobStatus.QUEUED,), JobStatus.PENDING),
    "wake": Transition((JobStatus.PENDING,), JobStatus.QUEUED, EventType.QUEUED),
    "expire": Transition((JobStatus.PENDING, JobStatus.QUEUED), JobStatus.EXPIRED, EventType.EXPIRED),
    "claim": Transition((JobStatus.QUEUED,), JobStatus.RUNNING, EventType.STARTED),
    "complete": Transition((JobStatus.RUNNING,), JobStatus.COMPLETED, EventType.COMPLETED),
    "fail": Transition((JobStatus.RUNNING,), JobStatus.FAILED, EventType.FAILED),
    "redirect": Transition((JobStatus.RUNNING,), JobStatus.RUNNING),
    "generate": Transition((JobStatus.RUNNING,), JobStatus.RUNNING),
    "retry": Transition((JobStatus.RUNNING,), JobStatus.QUEUED, EventType.QUEUED),
    "await_storage": Transition((JobStatus.RUNNING,), JobStatus.QUEUED, EventType.QUEUED),
    "drop": Transition(
        (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING), JobStatus.CANCELLED, EventType.CANCELLED
    ),
    "cancel": Transition(
        (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING), JobStatus.CANCELLING, EventType.CANCELLING
    ),
    "confirm_cancel": Transition((JobStatus.CANCELLING,), JobStatus.CANCELLED, EventType.CANCELLED),
}


def transition(
    session: Session, name: str, job_ids: Sequence[int], *conditions: ColumnElement[bool], **values: Any
) -> Sequence[GenerationJob]:
    """Make one transition of the table with those of the jobs that are in one of its sources and meet the conditions.

    Returns these jobs as they are after it.
    """
    statement = transition_sql(name, is_one_of(job_ids), *conditions, **values).returning(GenerationJob)
    return session.scalars(statement, execution_options=FRESH).all()


# The rows that come back are newer than what the session may hold.
FRESH: dict[str, Any] = {"synchronize_session": False, "populate_existing": True}


def transition_sql(name: str, *conditions: ColumnElement[bool], **values: Any) -> Update:
    """The UPDATE that makes a transition of the table with the jobs that meet the conditions. Whatever ends a job takes
    its secrets."""
    sources, target, event = TRANSITIONS[name]
    if target in FINAL:
        values["secrets"] = None
    return (
        update(GenerationJob)
        .where(*conditions, col(GenerationJob.status).in_(sources))
        .values(
            status=target,
            updated_at=func.now(),
            events=GenerationJob.events + int(event is not None),
            **values,
        )
    )


def is_one_of(job_ids: Sequence[int]) -> ColumnElement[bool]:
    return col(GenerationJob.id) == any_(cast(list(job_ids), ARRAY(Integer)))
