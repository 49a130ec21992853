"""Every event of a job is a row first, and is published after the commit. This file does both, for every transition.

It also says what events, the API and a job's row tell of an output and of a failure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Insert, insert, literal, select
from sqlmodel import Session

from shared.jobs.errors import GenerationError
from shared.jobs.statistics import EndedJob, count_ended
from shared.jobs.urls import output_url, thumbnail_url
from shared.messaging.events import Event
from shared.messaging.messenger import publish_after_commit
from shared.models import EventType, GenerationJob, JobEvent, JobOutput
from shared.notifications.ends import owe_news
from shared.texts.storable import cut, details
from shared.usage.notes import note_ends


def record_events(
    session: Session, jobs: Sequence[GenerationJob], kind: EventType, data: dict[str, Any] | None = None
) -> None:
    """Write the event that the last transition of each of these jobs counted, and publish it after the commit. Ends are
    noted as use; that of a completed job is in the statement that completes it."""
    session.add_all(
        JobEvent(job_id=job.id, sequence=job.events, type=kind, attempt=job.attempt, data=data or {}) for job in jobs
    )
    if kind.is_final and jobs:
        note_ends(session, [job.id for job in jobs])
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
    session: Session,
    jobs: Sequence[EndedJob],
    kind: EventType,
    data: dict[str, Any] | None = None,
    *,
    has_listeners: bool | None = None,
) -> None:
    """Publish, after the commit, events whose rows are written. Jobs that end with them are counted,
    and their owner is owed the news: see `owe_news` for `has_listeners`."""
    for job in jobs:
        publish_after_commit(session, Event.written(kind, job, at=job.updated_at, data=data or {}), job)
    if kind.is_final:
        owe_news(session, jobs, kind, data or {}, has_listeners)
        count_ended(session, jobs)  # last: it locks a row that the ends of all of an owner's jobs count in


OUTPUT_FIELDS = ("number", "kind", "media_type", "size_bytes", "sha256", "width", "height")


def error_data(error: GenerationError) -> dict[str, Any]:
    """What is kept of an error: others have a say in its words, so each is cut and can be stored."""
    return {"code": error.code, "message": cut(str(error)), "details": details(dict(error.details))}


def error_columns(data: Mapping[str, Any]) -> dict[str, Any]:
    return {f"error_{name}": value for name, value in data.items()}


def start_data(job: GenerationJob) -> dict[str, Any]:
    """When a job may start, in ISO 8601."""
    return {"run_after": job.run_after.isoformat() if job.run_after else None}


def output_data(output: JobOutput) -> dict[str, Any]:
    """An output as events show it: what it is, and where the API serves it."""
    return {
        **{name: getattr(output, name) for name in OUTPUT_FIELDS},
        "url": output_url(output.job_id, output.number),
        "thumbnails": {size: thumbnail_url(output.job_id, output.number, size) for size in output.thumbnails},
    }
