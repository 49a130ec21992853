"""How much of what is limited a user has: jobs by their status, whoever counts them."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, Uuid, bindparam, cast, func, select
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.models import HELD, WAITING, GenerationJob, JobStatus, UserTurn


def jobs_with(statuses: Collection[JobStatus], user_id: Any, count_to: Any) -> Select[int]:
    """How many jobs of the user have one of these statuses, counted no further than is asked."""
    is_one = (col(GenerationJob.user_id) == user_id, col(GenerationJob.status).in_(statuses))
    return select(func.count()).select_from(select(col(GenerationJob.id)).where(*is_one).limit(count_to).subquery())


THIS_USER = bindparam("this_user", type_=Uuid)
COUNT_TO = bindparam("count_to", type_=Integer)
QUEUED_JOBS = Prepared("queued_jobs", jobs_with(WAITING, THIS_USER, COUNT_TO), row=int)


def accepted_of(user_id: Any) -> ColumnElement[int]:
    """How many jobs of the user were ever accepted, as far as it is counted: it only grows."""
    mine = select(func.coalesce(func.sum(col(UserTurn.accepted)), 0)).where(col(UserTurn.user_id) == user_id)
    return cast(mine.scalar_subquery(), BigInteger)


class JobsCounted(NamedTuple):
    """Jobs of a user that wait, counted no further than is asked, and that are held; and how many were ever accepted,
    as of the same moment."""

    waiting: int
    held: int
    accepted: int


COUNT_JOBS = Prepared(
    "count_jobs",
    select(
        jobs_with(WAITING, THIS_USER, COUNT_TO).scalar_subquery(),
        jobs_with(HELD, THIS_USER, None).scalar_subquery(),
        accepted_of(THIS_USER),
    ),
    row=JobsCounted,
)


def jobs_counted(session: Session, user_id: UUID, count_to: int) -> JobsCounted:
    found = COUNT_JOBS.one_or_none(session, {THIS_USER.key: user_id, COUNT_TO.key: count_to})
    assert found is not None, "it has one row in any case"
    return found


def queued_jobs(session: Session, user_id: UUID, count_to: int | None = None) -> int:
    """How many jobs of the user wait, counted no further than is asked."""
    return QUEUED_JOBS.one_or_none(session, {THIS_USER.key: user_id, COUNT_TO.key: count_to}) or 0


def count_jobs(session: Session, user_id: UUID, statuses: Collection[JobStatus], count_to: int | None = None) -> int:
    """How many jobs of the user have one of these statuses, counted no further than is asked."""
    return session.scalars(jobs_with(statuses, user_id, count_to)).one()
