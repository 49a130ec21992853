"""How much of what is limited a user has: jobs by their status, whoever counts them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, bindparam, func, select
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.models import WAITING, GenerationJob, JobStatus


def jobs_with(statuses: Collection[JobStatus], user_id: Any, count_to: Any) -> Select[int]:
    """How many jobs of the user have one of these statuses, counted no further than is asked."""
    is_one = (col(GenerationJob.user_id) == user_id, col(GenerationJob.status).in_(statuses))
    return select(func.count()).select_from(select(col(GenerationJob.id)).where(*is_one).limit(count_to).subquery())


THIS_USER = bindparam("this_user", type_=Uuid)
COUNT_TO = bindparam("count_to", type_=Integer)
QUEUED_JOBS = Prepared("queued_jobs", jobs_with(WAITING, THIS_USER, COUNT_TO), row=int)


def queued_jobs(session: Session, user_id: UUID, count_to: int | None = None) -> int:
    """How many jobs of the user wait, counted no further than is asked."""
    return QUEUED_JOBS.one_or_none(session, {THIS_USER.key: user_id, COUNT_TO.key: count_to}) or 0


def count_jobs(session: Session, user_id: UUID, statuses: Collection[JobStatus], count_to: int | None = None) -> int:
    """How many jobs of the user have one of these statuses, counted no further than is asked."""
    return session.scalars(jobs_with(statuses, user_id, count_to)).one()
