"""The one place where a job's status changes: a table of transitions, each a conditional UPDATE.

    pending ──> queued ──> running ──> completed
       │          │ ^         │ │ └──> failed
       │          │ └─ retry ─┘ v
       └──────────┴──> ... cancelling
                  v           v
    expired or cancelled <────┘

`shared.jobs.before_start` and `shared.jobs.lifecycle` make them, before and from when a worker has the job.
"""

from typing import Any, NamedTuple

from sqlalchemy import func, update
from sqlmodel import Session, col

from shared.models import EventType, GenerationJob, JobStatus


class Transition(NamedTuple):
    sources: tuple[JobStatus, ...]
    target: JobStatus
    event: EventType | None = None


S = JobStatus
E = EventType
TRANSITIONS = {
    "defer": Transition((S.QUEUED,), S.PENDING),
    "wake": Transition((S.PENDING,), S.QUEUED, E.QUEUED),
    "expire": Transition((S.PENDING, S.QUEUED), S.EXPIRED, E.EXPIRED),
    "claim": Transition((S.QUEUED,), S.RUNNING, E.STARTED),
    "complete": Transition((S.RUNNING,), S.COMPLETED, E.COMPLETED),
    "fail": Transition((S.RUNNING,), S.FAILED, E.FAILED),
    "redirect": Transition((S.RUNNING,), S.RUNNING),
    "generate": Transition((S.RUNNING,), S.RUNNING),
    "retry": Transition((S.RUNNING,), S.QUEUED, E.QUEUED),
    "drop": Transition((S.PENDING, S.QUEUED, S.RUNNING), S.CANCELLED, E.CANCELLED),
    "cancel": Transition((S.PENDING, S.QUEUED, S.RUNNING), S.CANCELLING, E.CANCELLING),
    "confirm_cancel": Transition((S.CANCELLING,), S.CANCELLED, E.CANCELLED),
}


def move(session: Session, deed: str, job_id: int, *conditions: Any, **values: Any) -> GenerationJob | None:
    """Make one transition of the table, if the job is in one of its sources and the conditions hold."""
    return session.scalars(moving(deed, job_id, *conditions, **values)).one_or_none()


def moving(deed: str, job_id: Any, *conditions: Any, **values: Any) -> Any:
    """The statement that makes a transition and gives the jobs it was made with, as they are after it."""
    moved = transition(deed, job_id, *conditions, **values).returning(GenerationJob)
    return moved.execution_options(synchronize_session=False, populate_existing=True)


def transition(deed: str, job_id: Any, *conditions: Any, **values: Any) -> Any:
    """The UPDATE that makes a transition of the table. `job_id` may be a query for one."""
    step = TRANSITIONS[deed]
    return (
        update(GenerationJob)
        .where(col(GenerationJob.id) == job_id, col(GenerationJob.status).in_(step.sources), *conditions)
        .values(
            status=step.target,
            updated_at=func.now(),
            events=GenerationJob.events + int(step.event is not None),
            **values,
        )
    )
