"""What clients see of many jobs at once: of each what a list shows, and where the rest is."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from api_service.doors.v1.jobs.job_views import Links, links_to, with_signed_urls
from api_service.http.pages import Page
from api_service.http.signed_urls import SignedUrls
from shared.jobs.urls import output_url, thumbnail_url
from shared.models import JobStatus, OutputKind


class ListedOutput(BaseModel, frozen=True):
    """The first output of a job. `thumbnails` maps a size in px to the URL of a picture. These URLs and `url` work
    without a key until `url_expires_at`."""

    number: int
    kind: OutputKind
    media_type: str
    url: str
    url_expires_at: datetime
    thumbnails: dict[str, str]

    @classmethod
    def of(cls, row: Row[Any], urls: SignedUrls) -> Self:
        thumbnails = {size: thumbnail_url(row.job_id, row.number, size) for size in row.thumbnails}
        return cls(
            number=row.number,
            kind=row.kind,
            media_type=row.media_type,
            **with_signed_urls({"url": output_url(row.job_id, row.number), "thumbnails": thumbnails}, urls),
        )


class ListedError(BaseModel, frozen=True):
    """Why a job failed: a stable code, and the beginning of the sentence."""

    code: str
    message: str


class ListedJob(BaseModel, frozen=True):
    """A job in a list. `prompt` is the first 500 characters of it; `outputs` is how many files the job has."""

    id: int
    user_id: UUID
    job_type: str
    status: JobStatus
    prompt: str
    checkpoint_model: str | None
    width: int | None
    height: int | None
    batch_size: int | None
    priority: int
    pinned: bool
    metadata: dict[str, Any]
    batch_id: UUID | None
    schedule_id: UUID | None
    parent_id: int | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: ListedError | None
    outputs: int
    first_output: ListedOutput | None
    links: Links

    @classmethod
    def of(cls, job: Row[Any], first: Row[Any] | None, urls: SignedUrls) -> Self:
        derived = {"error", "outputs", "first_output", "links"}
        error = job.error_message is not None and ListedError(
            code=job.error_code or "unknown", message=job.error_message
        )
        return cls(
            **{name: getattr(job, name) for name in cls.model_fields.keys() - derived},
            error=error or None,
            outputs=first.outputs if first else 0,
            first_output=ListedOutput.of(first, urls) if first else None,
            links=links_to(job.id),
        )


class JobPage(Page[ListedJob], frozen=True):
    """A page of jobs. `next` is where the page after it is, with `cursor` in it; both are null on the last page."""
