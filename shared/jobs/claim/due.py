"""Which jobs are owed a wake-up: those to take over, and as many of the queued ones as there are free slots."""

from collections.abc import Sequence
from functools import partial

from sqlmodel import Session, select

from shared.configuration.choices import Sharing
from shared.database.prepared_statement import Prepared
from shared.fleet.servers import free_slots
from shared.jobs import before_start
from shared.jobs.claim.conditions import ABANDONED, DUE, STARTABLE
from shared.jobs.claim.order import first_comes
from shared.jobs.claim.surplus import park_surplus
from shared.jobs.lanes import parking
from shared.jobs.lanes.parking import RUNNING_JOBS
from shared.messaging.due_work import DueWork
from shared.messaging.messages import RunComfyJob
from shared.models import GenerationJob

# The first one, as whether there is any would be looked for in the table: see `shared.jobs.lanes.parking`.
FIRST_QUEUED = select(GenerationJob.id).where(*DUE).order_by(*first_comes()).limit(1)
ANY_QUEUED = Prepared("any_queued", FIRST_QUEUED, row=int)


def due_jobs(sharing: Sharing) -> DueWork:
    return DueWork(
        RunComfyJob.queue,
        lambda job_id: RunComfyJob(job_id=job_id),
        partial(due, running_jobs=sharing.running_jobs),
        partial(prepare, sharing=sharing),
        is_any_queued,
    )


def prepare(session: Session, limit: int, *, sharing: Sharing) -> None:
    """Expire jobs whose deadline has passed, queue pending ones whose time has come, and let the queue have as many as
    it should of each user."""
    before_start.expire(session, before_start.overdue(session, limit))
    before_start.wake(session, before_start.due_pending(session, limit), sharing=sharing)
    park_surplus(session, sharing.running_jobs)
    parking.fill_all(session)


def due(session: Session, limit: int, *, running_jobs: int | None) -> Sequence[int]:
    slots = min(limit, free_slots(session))
    return [*abandoned(session, limit), *startable(session, slots, running_jobs)]


def is_any_queued(session: Session) -> bool:
    return ANY_QUEUED.one_or_none(session, {}) is not None


def abandoned(session: Session, limit: int) -> Sequence[int]:
    return session.exec(select(GenerationJob.id).where(*ABANDONED).limit(limit)).all()


def startable(session: Session, limit: int, running_jobs: int | None) -> Sequence[int]:
    first = select(GenerationJob.id).where(*STARTABLE).order_by(*first_comes()).limit(limit)
    return session.exec(first, params={RUNNING_JOBS.key: running_jobs}).all()
