"""The work at a glance: who waits and how long, what runs, and how many jobs ended lately. Each part has a bound."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Engine, Select, func, literal, select, true
from sqlmodel import Session, col

from shared.database.clock import EPOCH, database_time
from shared.database.engine import reading
from shared.models import HELD, GenerationJob, JobStatus, User

MOST_USERS = 20
# The newest jobs among which those that ended are looked for.
MOST_JOBS = 100_000
WAITED_AT_MOST = timedelta(days=1)


class Period(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is Period.HOUR else timedelta(days=1)

    @property
    def step(self) -> timedelta:
        return timedelta(minutes=1) if self is Period.HOUR else timedelta(minutes=15)


class UserWorkView(BaseModel, frozen=True):
    """A user with jobs that wait or run. `oldest_wait_s` is how long the first of them could have run already."""

    user_id: UUID
    name: str
    waiting: int
    running: int
    oldest_wait_s: float | None


class EndedView(BaseModel, frozen=True):
    """How many jobs completed and failed from `at` on, for one step."""

    at: datetime
    completed: int
    failed: int


class OverviewView(BaseModel, frozen=True):
    """Of the caller's jobs, or those of whom an admin asks for. Steps in which no job ended are left out."""

    at: datetime
    waiting: dict[int, int] = Field(description="how many jobs are in the queue, by their priority")
    scheduled: int = Field(description="how many jobs wait for their start time")
    running: int
    oldest_wait_s: float | None = Field(description="how long the first of the waiting could have run already")
    users: list[UserWorkView] = Field(description=f"whose jobs wait or run: the {MOST_USERS} with the most")
    stored_bytes: int
    step_s: int = Field(description="how long a step of `ended` is")
    ended: list[EndedView] = Field(
        description=f"of the newest {MOST_JOBS:,} jobs that were accepted in the period or a day before it"
    )


class Group(NamedTuple):
    """Live jobs of one user that have the same status and priority."""

    user_id: UUID
    name: str
    status: JobStatus
    priority: int
    jobs: int
    oldest: datetime


def overview_of(engine: Engine, owner: UUID | None, period: Period) -> OverviewView:
    """The work of a user or (None) of everybody."""
    with reading(engine) as session:
        now = database_time(session)
        live = [Group(*row) for row in session.execute(live_jobs(owner))]
        ended = [
            EndedView(at=at, completed=done, failed=failed) for at, done, failed in ended_in(session, owner, period)
        ]
        stored = session.execute(stored_bytes(owner)).scalar_one()
    queued = [group for group in live if group.status is JobStatus.QUEUED]
    waiting: Counter[int] = Counter()
    for group in queued:
        waiting[group.priority] += group.jobs
    return OverviewView(
        at=now,
        waiting=dict(sorted(waiting.items(), reverse=True)),
        scheduled=sum(group.jobs for group in live if group.status is JobStatus.PENDING),
        running=sum(group.jobs for group in live if group.status in HELD),
        oldest_wait_s=longest_wait(queued, now),
        users=users_at_work(live, now),
        stored_bytes=stored,
        step_s=round(period.step.total_seconds()),
        ended=ended,
    )


def users_at_work(live: Sequence[Group], now: datetime) -> list[UserWorkView]:
    """Who has most in the queue comes first."""
    found = []
    for user_id, name in dict.fromkeys((group.user_id, group.name) for group in live):
        theirs = [group for group in live if group.user_id == user_id]
        queued = [group for group in theirs if group.status is JobStatus.QUEUED]
        running = sum(group.jobs for group in theirs if group.status in HELD)
        waiting = sum(group.jobs for group in queued)
        if waiting or running:
            oldest = longest_wait(queued, now)
            found.append(
                UserWorkView(user_id=user_id, name=name, waiting=waiting, running=running, oldest_wait_s=oldest)
            )
    return sorted(found, key=lambda user: (-user.waiting, -user.running, user.name))[:MOST_USERS]


def longest_wait(queued: Sequence[Group], now: datetime) -> float | None:
    """In seconds. None if nobody waits."""
    return max(0.0, (now - min(group.oldest for group in queued)).total_seconds()) if queued else None


def live_jobs(owner: UUID | None) -> Select[*tuple[Any, ...]]:
    """Counted user by user, each status in its own part of the user's list."""
    status, priority = col(GenerationJob.status), col(GenerationJob.priority)
    oldest = func.min(func.coalesce(GenerationJob.run_after, GenerationJob.created_at)).label("oldest")
    theirs = (
        select(status, priority, func.count().label("jobs"), oldest)
        .where(status.in_(sorted({JobStatus.PENDING, JobStatus.QUEUED, *HELD})))
        .where(col(GenerationJob.user_id) == col(User.id))
        .group_by(status, priority)
        .correlate(User)
        .lateral("theirs")
    )
    found = select(col(User.id), col(User.name), theirs.c.status, theirs.c.priority, theirs.c.jobs, theirs.c.oldest)
    found = found.select_from(User).join(theirs, true())
    return found if owner is None else found.where(col(User.id) == owner)


def ended_in(session: Session, owner: UUID | None, period: Period) -> Sequence[Sequence[Any]]:
    """When each step began, and how many jobs completed and failed in it. The first step is a whole one."""
    since = func.date_bin(literal(period.step), func.now() - literal(period.length), literal(EPOCH))
    accepted: list[ColumnElement[bool]] = [col(GenerationJob.created_at) > since - literal(WAITED_AT_MOST)]
    if owner is not None:
        accepted.append(col(GenerationJob.user_id) == owner)
    newest = (
        select(col(GenerationJob.status), col(GenerationJob.completed_at))
        .where(*accepted)
        .order_by(col(GenerationJob.created_at).desc(), col(GenerationJob.id).desc())
        .limit(MOST_JOBS)
        .subquery("newest")
    )
    step = func.date_bin(literal(period.step), newest.c.completed_at, literal(EPOCH))
    counts = [func.count().filter(newest.c.status == one) for one in (JobStatus.COMPLETED, JobStatus.FAILED)]
    ends = (JobStatus.COMPLETED, JobStatus.FAILED)
    found = select(step, *counts).where(newest.c.completed_at >= since, newest.c.status.in_(ends))
    return session.execute(found.group_by(step).order_by(step)).all()


def stored_bytes(owner: UUID | None) -> Select[*tuple[Any, ...]]:
    found = select(func.coalesce(func.sum(User.stored_bytes), 0))
    return found if owner is None else found.where(col(User.id) == owner)
