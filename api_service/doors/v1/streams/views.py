"""What is shown of streams: a ticket, and the snapshot of several jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from api_service.doors.v1.jobs.job_views import Links, links_to
from shared.messaging.events import Event
from shared.models import JobStatus


class TicketView(BaseModel, frozen=True):
    """A ticket, shown this once. It opens one stream with `?ticket=` before `expires_at`."""

    ticket: str
    expires_at: datetime


class JobLine(BaseModel, frozen=True):
    """A job in brief. It includes the events up to `sequence`; the next event of the stream is the one after."""

    id: int
    user_id: UUID
    job_type: str
    status: JobStatus
    priority: int
    attempt: int
    sequence: int
    created_at: datetime
    started_at: datetime | None
    progress: dict[str, Any] | None
    links: Links

    @classmethod
    def of(cls, row: Row[Any], progress: Event | None) -> Self:
        return cls(
            **{name: getattr(row, name) for name in cls.model_fields.keys() - {"sequence", "progress", "links"}},
            sequence=row.events,
            progress=progress.data if progress else None,
            links=links_to(row.id),
        )


class JobsSnapshotView(BaseModel, frozen=True):
    """The jobs, newest first. `cut`: there are more; their events are sent from the first one on.

    `not_found` has the numbers that were asked for and name no job that the caller may see.
    """

    type: str = "snapshot"
    jobs: list[JobLine]
    cut: bool = False
    not_found: tuple[int, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[Row[Any]], progress: Mapping[int, Event], **values: Any) -> Self:
        return cls(jobs=[JobLine.of(row, progress.get(row.id)) for row in rows], **values)
