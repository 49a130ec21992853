"""When a waiting job may start and end: from how many go before it, and from how long the latest of its kind took.

Nothing is promised: what is not known is None. Every query reads a bounded number of rows.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    SmallInteger,
    String,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.fleet.servers import free_slots, usable_slots
from shared.jobs.claim.conditions import DUE, EVERY_JOB_MAY_START, HAS_COME, HELD_BACK, MAY_START
from shared.jobs.claim.order import first_comes, goes_before
from shared.jobs.lanes.parking import IS_PARKED, RUNNING_JOBS, in_lane, parked_lanes
from shared.models import GenerationJob, JobStatus

COUNTED = 1000  # of the jobs that go before are counted
LATEST = 20  # jobs of a kind whose times are read

# Prepared, as jobs that wait and run are asked for all the time: making and planning these took half of an answer.
THIS_JOB = bindparam("this_job", type_=Integer)
THIS_PRIORITY = bindparam("this_priority", type_=SmallInteger)
THIS_TURN = bindparam("this_turn", type_=Float)
THIS_KIND = bindparam("this_kind", type_=String)


class QueuePosition(NamedTuple):
    """Where in the queue: 1 is the next to start. Not `exact`: it is further back than that."""

    position: int
    exact: bool


class Estimate(NamedTuple):
    """When the job may start and end, or has started and may end."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None


def position_of(session: Session, job: GenerationJob, running_jobs: int | None = None) -> QueuePosition | None:
    """The position of a job that could start now among those that could too. None for any other job.

    `running_jobs` is how many jobs of a user may run at once.
    """
    if job.status != JobStatus.QUEUED:
        return None
    place = {THIS_JOB.key: job.id, THIS_PRIORITY.key: job.priority, THIS_TURN.key: job.turn}
    this = {RUNNING_JOBS.key: running_jobs, **place}
    may_start, before, counted = PLACE.execute(session, this).one()
    return QueuePosition(before + 1, exact=counted <= COUNTED) if may_start else None


def jobs_before() -> Select[bool, int, int]:
    """Whether this job may start, and how many may be claimed before it, of the first COUNTED + 1 that are due.

    Two ranges of one index, and two of each lane with parked jobs that may join the queue. No row of the table is read
    where nobody is limited and no deadline has passed.
    """
    lanes, earlier = parked_lanes(), goes_before(THIS_PRIORITY, THIS_TURN, THIS_JOB)
    ranges = [standing_before(condition) for condition in earlier] + [
        parked_before(lanes, condition) for condition in earlier
    ]
    parts = (part.limit(COUNTED + 1).subquery() for part in ranges)
    before = union_all(*(select(part.c.id) for part in parts)).limit(COUNTED + 1).subquery("before")
    may_start = or_(EVERY_JOB_MAY_START, exists().where(col(GenerationJob.id) == before.c.id, *MAY_START))
    is_queued = col(GenerationJob.status) == JobStatus.QUEUED
    this = exists().where(col(GenerationJob.id) == THIS_JOB, is_queued, HAS_COME, *MAY_START)
    return select(this, func.count().filter(may_start), func.count()).select_from(before)


def standing_before(condition: ColumnElement[bool]) -> Select[int]:
    return select(col(GenerationJob.id).label("id")).where(*DUE, condition).order_by(*first_comes())


def parked_before(lanes: CTE, condition: ColumnElement[bool]) -> Select[int]:
    """Parked jobs of owners who may start some: of the others, however many, none is read."""
    parked: Select[int] = select(col(GenerationJob.id).label("id")).where(
        *IS_PARKED, in_lane(lanes), HAS_COME, condition
    )
    first = parked.order_by(col(GenerationJob.turn), col(GenerationJob.id)).limit(COUNTED + 1).lateral("first")
    return select(first.c.id).select_from(lanes.join(first, true())).where(lanes.c.user_id.not_in(HELD_BACK))


PLACE = Prepared("place_in_queue", jobs_before(), row=tuple)


def estimate_for(session: Session, job: GenerationJob, place: QueuePosition | None) -> Estimate:
    """When a queued or running job may start and end."""
    if job.status == JobStatus.RUNNING and job.started_at is not None:
        now, took = usual_time(session, job.workflow_key)
        return Estimate(job.started_at, max(job.started_at + took, now) if now and took else None)
    if place is None or not place.exact:
        return Estimate()
    now, took = usual_time(session, job.workflow_key)
    slots, taken = slots_of(session)
    if now is None or took is None or not slots:
        return Estimate()
    # This many jobs must end before this one has a slot.
    ends_first = max(0, place.position - max(0, slots - taken))
    starts_at = now + took * ends_first / slots
    return Estimate(starts_at, starts_at + took)


def usual_time(session: Session, workflow_key: str | None) -> tuple[datetime | None, timedelta | None]:
    """The database's time, and the median of how long the latest jobs of a kind took. None if there are none."""
    if workflow_key is None:
        return None, None
    now, seconds = USUAL_TIME.execute(session, {THIS_KIND.key: workflow_key}).one()
    return now, None if seconds is None else timedelta(seconds=float(seconds))


def median_seconds() -> Select[*tuple[Any, ...]]:
    latest = (
        select((col(GenerationJob.completed_at) - col(GenerationJob.started_at)).label("took"))
        .where(col(GenerationJob.status) == JobStatus.COMPLETED, col(GenerationJob.workflow_key) == THIS_KIND)
        .order_by(col(GenerationJob.completed_at).desc())
        .limit(LATEST)
        .subquery("latest")
    )
    return select(func.now(), func.percentile_cont(0.5).within_group(func.extract("epoch", latest.c.took)))


USUAL_TIME = Prepared("usual_time", median_seconds(), row=tuple)


def slots_of(session: Session) -> tuple[int, int]:
    """The slots of all servers that are given jobs, and how many of them are taken."""
    slots = usable_slots(session)
    return slots, slots - free_slots(session)
