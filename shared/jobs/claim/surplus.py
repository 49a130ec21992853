"""Jobs that joined the queue before their owner was limited or paused are parked, the last to go first."""

from sqlalchemy import CTE, Integer, Update, cast, func, literal, select, true, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from shared.jobs.claim.conditions import USERS_AT_THEIR_LIMIT
from shared.jobs.lanes.parking import AT_ONCE, LANE, PAUSED_USERS, RUNNING_JOBS, parking, standing
from shared.models import GenerationJob, JobStatus


def park_surplus(session: Session, running_jobs: int | None) -> None:
    """Park some of the jobs that are too many in their lanes, see `shared.jobs.lanes.parking`."""
    session.execute(PARK.execution_options(synchronize_session=False), {RUNNING_JOBS.key: running_jobs})


def crowded_lanes() -> CTE:
    """The lanes of users who may start no job now, and how many jobs are too many there, up to AT_ONCE."""
    limited, paused = USERS_AT_THEIR_LIMIT.subquery(), PAUSED_USERS.subquery()
    space = union_all(
        select(limited.c.user_id, literal(LANE, Integer).label("space")),
        select(paused.c.user_id, literal(0, Integer)),
    ).subquery("space")
    priority = func.generate_series(0, 9).table_valued("priority").render_derived("priorities")
    lanes = select(space.c.user_id, space.c.space, priority.c.priority).join_from(space, priority, true()).cte("lanes")
    surplus = standing(lanes, LANE + AT_ONCE) - cast(lanes.c.space, Integer)
    return select(lanes.c.user_id, lanes.c.priority, surplus.label("surplus")).cte("crowded")


def surplus_parking() -> Update:
    lanes, job, locked = crowded_lanes(), aliased(GenerationJob), aliased(GenerationJob)
    last = (
        select(col(job.id).label("id"))
        .where(col(job.status) == JobStatus.QUEUED, ~col(job.parked))
        .where(col(job.user_id) == lanes.c.user_id, col(job.priority) == lanes.c.priority)
        .order_by(col(job.turn).desc(), col(job.id).desc())
        .limit(func.greatest(lanes.c.surplus, 0))
        .lateral("last")
    )
    ids = select(last.c.id).select_from(lanes.join(last, true())).limit(AT_ONCE)
    free = (
        select(col(locked.id))
        .where(col(locked.id).in_(ids), col(locked.status) == JobStatus.QUEUED)
        .with_for_update(skip_locked=True)
    )
    return parking(col(GenerationJob.id).in_(free), parked=True)


PARK = surplus_parking()
