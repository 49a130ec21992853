"""Jobs that their owner may not run yet are parked behind the queue, where no look for work walks past them.

A lane is the waiting jobs of a user and a priority. Where the user's running jobs are limited, about LANE of them stand
in the queue, and those that join behind them are parked; of a user who is paused, all are. Whoever takes jobs out of a
lane fills it up in the order of its turns, in the same transaction. The sweep fills those up that two left at once, and
parks jobs that joined the queue before their owner was limited or paused.
"""

from collections.abc import Iterable, Set
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    SmallInteger,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.models import GenerationJob, JobStatus, Pause, User

LANE = 100  # jobs that stand in the queue: as many as are looked at for one that suits a server, twice over ...
LOW = 50  # ... and so few before it is filled up, which makes one statement of fifty claims
AT_ONCE = 2000  # jobs that a sweep parks

RUNNING_JOBS = bindparam("most_running", type_=Integer)  # of one user at once, NULL for no limit
LANE_USERS = bindparam("lane_users", type_=ARRAY(Uuid))
LANE_PRIORITIES = bindparam("lane_priorities", type_=ARRAY(SmallInteger))

IS_PARKED = (col(GenerationJob.status) == JobStatus.QUEUED, col(GenerationJob.parked))
STANDS = (col(GenerationJob.status) == JobStatus.QUEUED, ~col(GenerationJob.parked))
# The first in the order of their index, and not whether there is one: where many are parked, PostgreSQL would look for
# any in the table, from its beginning, and read all that has ended before it.
FIRST_PARKED = (col(GenerationJob.user_id), col(GenerationJob.priority), col(GenerationJob.turn), col(GenerationJob.id))
ANY_PARKED = (
    select(col(GenerationJob.id)).where(*IS_PARKED).order_by(*FIRST_PARKED).limit(1).scalar_subquery().is_not(None)
)
PAUSED_USERS = select(col(Pause.user_id)).where(col(Pause.user_id).is_not(None))


def in_lane(lanes: FromClause) -> ColumnElement[bool]:
    return and_(
        col(GenerationJob.user_id) == lanes.c.user_id,
        col(GenerationJob.priority) == lanes.c.priority,
    )


def standing(lanes: FromClause, most: int) -> ColumnElement[int]:
    """How many jobs of a lane stand in the queue, counted up to `most`."""
    user, priority = col(GenerationJob.user_id), col(GenerationJob.priority)
    # In an order that the index of waiting jobs has, or they would be looked for in the table, see FIRST_PARKED. An
    # equality would leave nothing to be put in order.
    mine = (user == lanes.c.user_id, priority >= lanes.c.priority, priority <= lanes.c.priority)
    some = (
        select(literal(1).label("one"))
        .where(*STANDS, *mine)
        .order_by(priority)
        .limit(most)
        .correlate(lanes)
        .subquery("standing")
    )
    return select(func.count()).select_from(some).correlate(lanes).scalar_subquery()


def is_paused(user_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return exists().where(col(Pause.user_id) == user_id)


def space_in(lanes: FromClause) -> ColumnElement[int | None]:
    """How many more jobs of a lane may join the queue; NULL for any number. Behind parked ones none may: they come
    first."""
    own = select(col(User.running_jobs_limit)).where(col(User.id) == lanes.c.user_id).correlate(lanes).scalar_subquery()
    parked = select(col(GenerationJob.id)).where(*IS_PARKED, in_lane(lanes)).order_by(*FIRST_PARKED).limit(1)
    has_parked = parked.correlate(lanes).scalar_subquery().is_not(None)
    return case(
        (or_(has_parked, is_paused(lanes.c.user_id)), 0),
        (func.coalesce(own, cast(RUNNING_JOBS, Integer)).is_(None), null()),
        else_=LANE - standing(lanes, LANE),
    )


def filling(lanes: FromClause) -> Update:
    """The UPDATE that fills up those of these lanes in which few jobs stand."""
    low = (
        select(lanes.c.user_id, lanes.c.priority, standing(lanes, LOW).label("standing"))
        .where(~is_paused(lanes.c.user_id))
        .cte("low")
        .prefix_with("MATERIALIZED")
    )
    job = aliased(GenerationJob, name="next_job")
    first = (
        select(col(job.id).label("id"))
        .where(col(job.status) == JobStatus.QUEUED, col(job.parked))
        .where(col(job.user_id) == low.c.user_id, col(job.priority) == low.c.priority)
        .order_by(col(job.turn), col(job.id))
        .limit(LANE - low.c.standing)
        .with_for_update(of=job, skip_locked=True)
        .lateral("first")
    )
    # Looked for once: a plan that looks again for each job would see what it has changed, and go on behind it.
    ids = (
        select(first.c.id)
        .select_from(low.join(first, true()))
        .where(low.c.standing < LOW)
        .cte("joining")
        .prefix_with("MATERIALIZED")
    )
    return parking(col(GenerationJob.id).in_(select(ids.c.id)), parked=False)


def parking(*conditions: ColumnElement[bool], parked: bool) -> Update:
    return update(GenerationJob).where(*conditions, col(GenerationJob.parked) != parked).values(parked=parked)


def parked_lanes() -> CTE:
    """The lanes that have parked jobs: one step of the index for each, however many jobs are parked there."""
    job = aliased(GenerationJob)
    lane = (col(job.user_id), col(job.priority))
    steps = select(*lane).where(col(job.status) == JobStatus.QUEUED, col(job.parked)).order_by(*lane).limit(1)
    lanes = steps.cte("parked_lanes", recursive=True)
    following = steps.where(tuple_(*lane) > tuple_(lanes.c.user_id, lanes.c.priority)).lateral("following")
    return lanes.union_all(select(*following.c).select_from(lanes.join(following, true())))


GIVEN_LANES = select(func.unnest(LANE_USERS).label("user_id"), func.unnest(LANE_PRIORITIES).label("priority")).cte(
    "lanes"
)
FILL = Prepared("fill_lanes", filling(GIVEN_LANES), row=int)
FILL_ALL = filling(parked_lanes())


def fill(session: Session, lanes: Set[tuple[UUID, int]]) -> None:
    """Jobs have left the queue in these lanes, of a user and a priority: others may join it."""
    if lanes:
        users, priorities = zip(*sorted(lanes), strict=True)
        FILL.execute(session, {LANE_USERS.key: list(users), LANE_PRIORITIES.key: list(priorities)})


def fill_after(session: Session, left: Iterable[GenerationJob]) -> None:
    """These jobs have left the queue, where any are parked at all."""
    lanes = {(job.user_id, job.priority) for job in left if not job.parked}
    if lanes and session.connection().scalar(select(ANY_PARKED)):
        fill(session, lanes)


def fill_all(session: Session) -> None:
    session.execute(FILL_ALL.execution_options(synchronize_session=False))
