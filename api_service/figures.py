"""How many jobs ended how, day by day, and how long they took: read from counts, so that it costs the same for any
number of jobs that ended. Live ones are counted in an index."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Date, Engine, Select, cast, func, literal, select, true, union_all
from sqlmodel import SQLModel, col

from shared.database import transaction
from shared.models import FINAL, GenerationJob, JobStatistic, JobStatus, User
from shared.statistics import percentile_ms

JOBS = SQLModel.metadata.tables["generation_jobs"]
LIVE = tuple(status for status in JobStatus if status not in FINAL)


class Durations(BaseModel, frozen=True):
    """From start to end, in ms, within five per cent. `jobs` is how many were started; null where none was."""

    jobs: int
    p50_ms: int | None
    p95_ms: int | None

    @classmethod
    def of(cls, jobs_by_bucket: Mapping[int, int]) -> Self:
        started = sum(jobs for bucket, jobs in jobs_by_bucket.items() if bucket >= 0)
        return cls(jobs=started, p50_ms=percentile_ms(jobs_by_bucket, 0.5), p95_ms=percentile_ms(jobs_by_bucket, 0.95))


class DayView(BaseModel, frozen=True):
    """The jobs that were accepted on a day (UTC), by their status now."""

    day: date
    jobs: dict[JobStatus, int]


class FiguresView(BaseModel, frozen=True):
    """Counts of the jobs accepted since a day, by status and by day, and how long those took that ended.

    Days without a job are left out. Jobs that were deleted after their end stay counted.
    """

    since: date
    totals: dict[JobStatus, int]
    days: list[DayView]
    completed: Durations
    failed: Durations


def figures(engine: Engine, owner: UUID | None, days: int) -> FiguresView:
    """The figures of the last so many days, today being one, of a user or (None) of everybody."""
    since = datetime.now(UTC).date() - timedelta(days=days - 1)
    with transaction(engine) as session:
        ended = session.execute(ended_by_day(owner, since)).all()
        spread = session.execute(ended_by_bucket(owner, since)).all()
        live = session.execute(live_by_day(owner, since)).all()
    by_day = count_by_day((row.day, row.status, row.jobs) for row in (*ended, *live))
    buckets: defaultdict[JobStatus, dict[int, int]] = defaultdict(dict)
    for row in spread:
        buckets[row.status][row.bucket] = row.jobs
    totals = sum(by_day.values(), Counter())
    return FiguresView(
        since=since,
        totals={status: totals[status] for status in JobStatus},
        days=[DayView(day=day, jobs=dict(jobs)) for day, jobs in sorted(by_day.items())],
        completed=Durations.of(buckets[JobStatus.COMPLETED]),
        failed=Durations.of(buckets[JobStatus.FAILED]),
    )


def count_by_day(rows: Iterable[tuple[date, JobStatus, int]]) -> dict[date, Counter[JobStatus]]:
    by_day: defaultdict[date, Counter[JobStatus]] = defaultdict(Counter)
    for day, status, jobs in rows:
        by_day[day][status] += jobs
    return by_day


def ended_by_day(owner: UUID | None, since: date) -> Select[*tuple[Any, ...]]:
    day, status = col(JobStatistic.day), col(JobStatistic.status)
    jobs = func.sum(JobStatistic.jobs).label("jobs")
    return counted(select(day, status, jobs).group_by(day, status), owner, since)


def ended_by_bucket(owner: UUID | None, since: date) -> Select[*tuple[Any, ...]]:
    status, bucket = col(JobStatistic.status), col(JobStatistic.bucket)
    jobs = func.sum(JobStatistic.jobs).label("jobs")
    timed = status.in_([JobStatus.COMPLETED, JobStatus.FAILED])
    return counted(select(status, bucket, jobs).where(timed).group_by(status, bucket), owner, since)


def counted(statement: Select[*tuple[Any, ...]], owner: UUID | None, since: date) -> Select[*tuple[Any, ...]]:
    statement = statement.where(col(JobStatistic.day) >= since)
    return statement if owner is None else statement.where(col(JobStatistic.user_id) == owner)


def live_by_day(owner: UUID | None, since: date) -> Select[*tuple[Any, ...]]:
    """Live jobs, each status read from its own part of each user's list."""
    parts = union_all(*(live_part(status, owner, since) for status in LIVE)).subquery("parts")
    jobs = func.sum(parts.c.jobs).label("jobs")
    return select(parts.c.day, parts.c.status, jobs).group_by(parts.c.day, parts.c.status)


def live_part(status: JobStatus, owner: UUID | None, since: date) -> Select[*tuple[Any, ...]]:
    day = cast(func.timezone("UTC", GenerationJob.created_at), Date).label("day")
    begins_at = datetime.combine(since, time.min, UTC)
    found = (
        select(day, func.count().label("jobs"))
        .where(col(GenerationJob.status) == status, col(GenerationJob.created_at) >= begins_at)
        .group_by(day)
    )
    if owner is None:
        theirs = found.where(col(GenerationJob.user_id) == col(User.id)).correlate(User).lateral("theirs")
        counts = select(theirs.c.day, theirs.c.jobs).select_from(User).join(theirs, true()).subquery()
    else:
        counts = found.where(col(GenerationJob.user_id) == owner).subquery()
    word = literal(status, JOBS.c.status.type).label("status")
    return select(counts.c.day, word, counts.c.jobs)
