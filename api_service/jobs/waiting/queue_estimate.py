"""Where a waiting job is in the queue, and when it may start and end.

Nothing is promised: what is not known is None. Every query reads a bounded number of rows.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Float,
    Integer,
    Select,
    SmallInteger,
    Subquery,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlmodel import Session, col

from api_service.jobs.waiting.estimate import Estimate, Queue, Running, of_running, of_waiting
from api_service.jobs.waiting.hindrance import LACK
from shared.database.prepared_rows import AsOf
from shared.database.prepared_statement import Prepared
from shared.fleet.servers import IN_A_SLOT, USABLE, Slots, slots
from shared.jobs.claim.conditions import DUE, EVERY_JOB_MAY_START, HAS_COME, HELD_BACK, MAY_START
from shared.jobs.claim.order import first_comes, goes_before
from shared.jobs.durations.expectation import MEDIAN, Known
from shared.jobs.durations.known import expectation_of
from shared.jobs.lanes.parking import IS_PARKED, RUNNING_JOBS, in_lane, parked_lanes
from shared.models import ComfyUIServer, GenerationJob, JobAttempt, JobStatus

COUNTED = 1000  # of the jobs that go before are counted
SAMPLED = 50  # of these are asked how long they will take
MOST_RUNNING = 1000  # of which that is asked

# Prepared, as jobs that wait and run are asked for all the time: making and planning these took half of an answer.
THIS_JOB = bindparam("this_job", type_=Integer)
THIS_PRIORITY = bindparam("this_priority", type_=SmallInteger)
THIS_TURN = bindparam("this_turn", type_=Float)


class QueuePosition(NamedTuple):
    """Where in the queue: 1 is the next to start. Not `exact`: it is further back than that."""

    position: int
    exact: bool


class Standing(NamedTuple):
    """The position of a job that could start now among those that could too, None for any other job; and what the
    servers lack that can be used now (see LACK)."""

    position: QueuePosition | None
    lack: str | None


def position_of(session: Session, job: GenerationJob, running_jobs: int | None = None) -> QueuePosition | None:
    """The position of a job that could start now among those that could too. None for any other job.

    `running_jobs` is how many jobs of a user may run at once.
    """
    return standing_of(session, job, running_jobs).position


def standing_of(session: Session, job: GenerationJob, running_jobs: int | None) -> Standing:
    if job.status != JobStatus.QUEUED:
        return Standing(None, None)
    place = {THIS_JOB.key: job.id, THIS_PRIORITY.key: job.priority, THIS_TURN.key: job.turn}
    this = {RUNNING_JOBS.key: running_jobs, **place}
    ((may_start, before, counted, lack),) = PLACE.execute(session, this)
    return Standing(QueuePosition(before + 1, exact=counted <= COUNTED) if may_start else None, lack)


def jobs_before() -> Select[bool, int, int, str | None]:
    """Whether this job may start, how many may be claimed before it, of the first COUNTED + 1 that are due, and what
    servers lack for it.

    Two ranges of one index, and two of each lane with parked jobs that may join the queue. No row of the table is read
    where nobody is limited and no deadline has passed.
    """
    lanes, earlier = parked_lanes(), goes_before(THIS_PRIORITY, THIS_TURN, THIS_JOB)
    parked = [parked_before(lanes, condition) for condition in earlier]
    before = first_of([*map(standing_before, earlier), *parked], COUNTED + 1)
    may_start = or_(EVERY_JOB_MAY_START, exists().where(col(GenerationJob.id) == before.c.id, *MAY_START))
    is_queued = col(GenerationJob.status) == JobStatus.QUEUED
    this = exists().where(col(GenerationJob.id) == THIS_JOB, is_queued, HAS_COME, *MAY_START)
    lack = select(LACK).where(col(GenerationJob.id) == THIS_JOB).scalar_subquery()
    return select(this, func.count().filter(may_start), func.count(), lack).select_from(before)


def first_of(ranges: Iterable[Select[int]], count: int) -> Subquery:
    """The ids of the first jobs of these ranges."""
    parts = (part.limit(count).subquery() for part in ranges)
    return union_all(*(select(part.c.id) for part in parts)).limit(count).subquery("before")


def standing_before(condition: ColumnElement[bool]) -> Select[int]:
    return select(col(GenerationJob.id).label("id")).where(*DUE, condition).order_by(*first_comes())


def parked_before(lanes: CTE, condition: ColumnElement[bool]) -> Select[int]:
    """Parked jobs of owners who may start some: of the others, however many, none is read."""
    parked: Select[int] = select(col(GenerationJob.id).label("id")).where(
        *IS_PARKED, in_lane(lanes), HAS_COME, condition
    )
    first = parked.order_by(col(GenerationJob.turn), col(GenerationJob.id)).limit(COUNTED + 1).lateral("first")
    return select(first.c.id).select_from(lanes.join(first, true())).where(lanes.c.user_id.not_in(HELD_BACK))


def seconds_before() -> Select[float | None]:
    """What the first of those in the queue that go before this job are expected to take, on average."""
    before = first_of(map(standing_before, goes_before(THIS_PRIORITY, THIS_TURN, THIS_JOB)), SAMPLED)
    return select(func.avg(col(GenerationJob.expected_s))).where(col(GenerationJob.id) == before.c.id)


PLACE = Prepared("place_in_queue", jobs_before(), row=tuple)
SECONDS_BEFORE = Prepared("seconds_before", seconds_before(), row=float)
RUNNING = Prepared(
    "running_now",
    select(
        cast(col(GenerationJob.expected_s), Double),
        cast(func.extract("epoch", func.now() - col(GenerationJob.started_at)), Double),
    )
    .where(*IN_A_SLOT, exists().where(col(ComfyUIServer.name) == col(GenerationJob.server), USABLE))
    .limit(MOST_RUNNING),
    row=Running,
)


def estimate_for(
    session: Session,
    read: AsOf[GenerationJob],
    place: QueuePosition | None,
    attempts: Sequence[JobAttempt],
    known: Known | None = None,
) -> Estimate:
    """When a queued or running job may start and end. `attempts` are all of its. `known` was read of its kind on the
    server that runs it."""
    job, now = read
    if job.status == JobStatus.RUNNING and job.started_at is not None:
        found = expectation_of(session, job, job.server, known)
        return of_running(job.started_at, began_at(attempts) or job.started_at, now, found) if found else Estimate()
    if place is None or not place.exact:
        return Estimate()
    found = expectation_of(session, job)
    if found is None or not (there := slots(session)).usable:
        return Estimate()
    return of_waiting(now, found, queue_before(session, job, place, there, found.quantile(MEDIAN)))


def queue_before(session: Session, job: GenerationJob, place: QueuePosition, there: Slots, usual_s: float) -> Queue:
    """What is before a job that waits. `usual_s` is what is expected of jobs of which nothing else is known."""
    found = [Running(expected_s or usual_s, so_far_s) for expected_s, so_far_s in RUNNING.execute(session, {})]
    # Some may be where there is no slot for the next one.
    running = sorted(found, key=lambda one: one.left_s)[: there.usable - there.free]
    this = {THIS_JOB.key: job.id, THIS_PRIORITY.key: job.priority, THIS_TURN.key: job.turn}
    ((seconds,),) = SECONDS_BEFORE.execute(session, this)
    return Queue(place.position - 1, seconds or usual_s, running, there.free)


def began_at(attempts: Sequence[JobAttempt]) -> datetime | None:
    """When the prompt was given out that now runs: an attempt that adopted it went on with an earlier one's."""
    return next((one.started_at for one in reversed(attempts) if not one.adopted), None)
