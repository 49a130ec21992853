"""Every event of a job is a row first, and is published after the commit: this file does both, for every transition."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Insert, insert, literal, select
from sqlmodel import Session

from shared.jobs.statistics import EndedJob, count_ended
from shared.messaging.events import Event
from shared.messaging.messenger import publish_after_commit
from shared.models import EventType, GenerationJob, JobEvent


def record_events(
    session: Session, jobs: Sequence[GenerationJob], kind: EventType, data: dict[str, Any] | None = None
) -> None:
    """Write the event that the last transition of each of these jobs counted, and publish it after the commit."""
    session.add_all(
        JobEvent(job_id=job.id, sequence=job.events, type=kind, attempt=job.attempt, data=data or {}) for job in jobs
    )
    publish_events(session, jobs, kind, data)


def record_event_sql(job: CTE, kind: EventType, data: ColumnElement[Any]) -> Insert:
    """The INSERT that writes the event of a transition, for the statement that makes it. Then `publish_events`."""
    values: dict[str, Any] = {
        "job_id": job.c.id,
        "sequence": job.c.events,
        "type": literal(kind.value),
        "attempt": job.c.attempt,
        "data": data,
    }
    return insert(JobEvent).from_select(list(values), select(*values.values()))


def publish_events(
    session: Session, jobs: Sequence[EndedJob], kind: EventType, data: dict[str, Any] | None = None
) -> None:
    """Publish, after the commit, events whose rows are written. Jobs that end with them are counted."""
    for job in jobs:
        publish_after_commit(session, Event.written(kind, job, at=job.updated_at, data=data or {}))
    if kind.is_final:
        count_ended(session, jobs)
