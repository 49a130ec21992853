"""How many jobs ended how, day by day, and how long they took: read from counts, so that it costs the same for any
number of jobs that ended. Live ones are counted in an index."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Date, Engine, Select, cast, func, literal, select, true, tuple_, union_all
from sqlmodel import SQLModel, col

from api_service.jobs.waiting.pausing import PauseView
from shared.database.clock import database_time
from shared.database.engine import transaction
from shared.jobs.lanes.pauses import pause_over
from shared.jobs.statistics import percentile_ms
from shared.models import FINAL, LIVE, GenerationJob, JobStatistic, JobStatus, User

JOBS = SQLModel.metadata.tables["generation_jobs"]
ENDED = tuple(status for status in JobStatus if status in FINAL)


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


class StatisticsView(BaseModel, frozen=True):
    """Counts of the jobs accepted since a day, by status and by day, and how long those took that ended.

    Days without a job are left out. Jobs that were deleted after their end stay counted. `paused` says why none starts,
    where an operator wants that.
    """

    since: date
    totals: dict[JobStatus, int]
    days: list[DayView]
    completed: Durations
    failed: Durations
    paused: PauseView | None


def statistics_of(engine: Engine, owner: UUID | None, days: int) -> StatisticsView:
    """The statistics of the last `days` days, today included, of a user or (None) of everybody."""
    by_day: defaultdict[date, dict[JobStatus, int]] = defaultdict(dict)
    buckets: defaultdict[JobStatus, dict[int, int]] = defaultdict(dict)
    with transaction(engine) as session:
        since = database_time(session).astimezone(UTC).date() - timedelta(days=days - 1)
        for day, bucket, *jobs in session.execute(ended(owner, since)):
            counts = {status: number for status, number in zip(ENDED, jobs, strict=True) if number is not None}
            if bucket is None:
                by_day[day] = counts
            for status, number in counts.items() if day is None else ():
                buckets[status][bucket] = number
        for day, status, number in session.execute(live_by_day(owner, since)):
            by_day[day][status] = number
        paused = pause_over(session, owner)
    totals = {status: sum(counts.get(status, 0) for counts in by_day.values()) for status in JobStatus}
    return StatisticsView(
        since=since,
        totals=totals,
        days=[DayView(day=day, jobs=counts) for day, counts in sorted(by_day.items())],
        completed=Durations.of(buckets[JobStatus.COMPLETED]),
        failed=Durations.of(buckets[JobStatus.FAILED]),
        paused=paused and PauseView.of(paused),
    )


def ended(owner: UUID | None, since: date) -> Select[*tuple[Any, ...]]:
    """The jobs that ended so, one column for each of ENDED: by day (no bucket), and by bucket over all days (no day).

    The rows of a year are many thousands: they are read once, and only their sums are sent.
    """
    day, status, bucket = col(JobStatistic.day), col(JobStatistic.status), col(JobStatistic.bucket)
    jobs = [func.sum(JobStatistic.jobs).filter(status == one).label(one) for one in ENDED]
    sums = select(day, bucket, *jobs).group_by(func.grouping_sets(tuple_(day), tuple_(bucket)))
    return counted(sums, owner, since)


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
