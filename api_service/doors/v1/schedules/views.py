"""What clients see of schedules: when they run next, and how it went so far."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.server.root_path import below_root
from api_service.schedules.history import OF_LAST, Past
from shared.jobs.urls import JOBS, job_url
from shared.models import JobStatus, Missed, Overlap, Schedule
from shared.schedules.timing import next_moments, timing_of

SCHEDULES = "/api/v1/schedules"
SHOWN_RUNS = 5
FAILING = 3  # failures in a row
JUST_BEFORE = timedelta(seconds=1)


class LastRunView(BaseModel, frozen=True):
    """The last run that made a job, planned for one moment and made at another. `status` and the rest are of the job as
    it is now, and null once that is deleted."""

    planned_at: datetime
    made_at: datetime
    job_id: int
    status: JobStatus | None
    completed_at: datetime | None
    error_code: str | None
    error_message: str | None
    link: str

    @classmethod
    def of(cls, schedule: Schedule, past: Past) -> Self | None:
        if schedule.last_job_id is None:
            return None
        return cls(
            planned_at=schedule.last_planned_at,
            made_at=schedule.last_made_at,
            job_id=schedule.last_job_id,
            link=below_root(job_url(schedule.last_job_id)),
            **{name: getattr(past.last, name, None) for name in OF_LAST},
        )


class SkippedRunView(BaseModel, frozen=True):
    """The last run that made no job: a stable code, and why.

    `overlap`: the job of an earlier run had not ended. `missed`: nobody was there in time. `queued_jobs` and
    `stored_bytes`: the user had reached that limit; `budget_gpu_seconds` and `budget_jobs`: its budget of the month.
    `no_key`: the user has no key left that may submit. `asset_gone`: an asset of the job was deleted. `made_already`:
    there was a job under its idempotency key. `failed`: anything else.
    """

    planned_at: datetime
    at: datetime
    code: str
    message: str


class ScheduleLinks(BaseModel, frozen=True):
    self: str
    jobs: str
    run: str


class ListedScheduleView(BaseModel, frozen=True):
    """A schedule without its job.

    `next_runs` are its next five, by the clock of its time zone; none while it is `paused`. `paused_reason` says why
    the service paused it. `skips` is how many runs made no job since `last_run`, `failures` how many of its jobs failed
    or expired in a row, counted to 20; from three on it is `failing`.
    """

    id: UUID
    user_id: UUID
    name: str
    cron: str
    time_zone: str
    overlap: Overlap
    missed: Missed
    paused: bool
    paused_reason: str | None
    next_runs: list[datetime]
    last_run: LastRunView | None
    last_skip: SkippedRunView | None
    skips: int
    failures: int
    failing: bool
    created_at: datetime
    updated_at: datetime
    links: ScheduleLinks

    @classmethod
    def of(cls, schedule: Schedule, past: Past, **more: Any) -> Self:
        return cls(
            **{name: getattr(schedule, name) for name in COPIED},
            next_runs=next_runs(schedule),
            last_run=LastRunView.of(schedule, past),
            failures=past.failures,
            failing=past.failures >= FAILING,
            links=links_to(schedule.id),
            **more,
        )


COPIED = (
    *("id", "user_id", "name", "cron", "time_zone", "overlap", "missed", "paused", "paused_reason", "last_skip"),
    *("skips", "created_at", "updated_at"),
)


class ScheduleView(ListedScheduleView, frozen=True):
    """A schedule. `job` is as its owner wrote it, its secrets as stars."""

    job: dict[str, Any]

    @classmethod
    def whole(cls, schedule: Schedule, past: Past, **more: Any) -> Self:
        return cls.of(schedule, past, job=schedule.asked, **more)


class NotedScheduleView(ScheduleView, frozen=True):
    """A schedule that was made or changed just now, with what its owner may want to know of its job."""

    notes: list[str]

    @classmethod
    def noted(cls, schedule: Schedule, past: Past, notes: Sequence[str]) -> Self:
        return cls.whole(schedule, past, notes=list(notes))


class SchedulesView(BaseModel, frozen=True):
    """All schedules of the caller, the oldest first. There are 50 at most, so there are no pages."""

    items: list[ListedScheduleView]


def next_runs(schedule: Schedule) -> list[datetime]:
    """The planned one first, also when it is late."""
    if schedule.next_at is None:
        return []
    try:
        timing = timing_of(schedule.cron, schedule.time_zone)
    except ValueError:  # a time zone that this system does not know
        return [schedule.next_at]
    return next_moments(timing, schedule.next_at - JUST_BEFORE, SHOWN_RUNS)


def links_to(schedule_id: UUID) -> ScheduleLinks:
    itself = below_root(f"{SCHEDULES}/{schedule_id}")
    return ScheduleLinks(self=itself, jobs=below_root(f"{JOBS}/?schedule={schedule_id}"), run=f"{itself}/run")
