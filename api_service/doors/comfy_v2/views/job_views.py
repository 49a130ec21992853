"""A job as clients of the Comfy API see it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel

from api_service.doors.comfy_v2.names.places import job_address
from api_service.doors.comfy_v2.views.output_views import OutputView
from api_service.doors.comfy_v2.views.progress_views import ProgressView
from api_service.http.server.root_path import below_root
from api_service.http.signed_urls import SignedUrls
from shared.jobs.errors import NodeFailed
from shared.models import GenerationJob, JobOutput, JobStatus
from shared.workflows.opaque_names import job_name

Status = Literal["queued", "running", "succeeded", "canceling", "canceled", "failed", "expired"]
STATUSES: Mapping[JobStatus, Status] = {
    JobStatus.PENDING: "queued",
    JobStatus.QUEUED: "queued",
    JobStatus.RUNNING: "running",
    JobStatus.CANCELLING: "canceling",
    JobStatus.COMPLETED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "canceled",
    JobStatus.EXPIRED: "expired",  # its deadline passed before it was started
}
OF_A_NEWER_RELEASE: Status = "running"  # it has not ended, as far as is known here
ERROR_CODES = {NodeFailed.code: "node_execution_error"}  # where the contract has a word of its own
# Jobs are kept until they are deleted; the contract asks for a moment.
KEPT = timedelta(days=36_500)


class UrlsView(BaseModel, frozen=True):
    """Where to go on, as paths of this host."""

    self: str
    events: str
    cancel: str

    @classmethod
    def of(cls, job_id: int) -> Self:
        itself = below_root(job_address(job_id))
        return cls(self=itself, events=f"{itself}/events", cancel=f"{itself}/cancel")


class JobErrorView(BaseModel, frozen=True):
    """Why a job failed."""

    code: str
    message: str
    node_id: str | None
    class_type: str | None
    traceback: str | None

    @classmethod
    def of(cls, job: GenerationJob) -> Self | None:
        if job.error_message is None:
            return None
        code, details = job.error_code or "unknown", job.error_details or {}
        return cls(
            code=ERROR_CODES.get(code, code),
            message=job.error_message,
            node_id=text_in(details, "node_id"),
            class_type=text_in(details, "node_type"),
            traceback=None,
        )


class MetricsView(BaseModel, frozen=True):
    queue_ms: int | None
    execution_ms: int | None


class JobView(BaseModel, frozen=True):
    """A job as it is now."""

    id: str
    status: Status
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime
    queue_position: int | None
    progress: ProgressView | None
    outputs: list[OutputView]
    error: JobErrorView | None
    metrics: MetricsView
    metadata: dict[str, str]
    urls: UrlsView


def job_view(
    job: GenerationJob,
    outputs: Sequence[JobOutput] = (),
    *,
    urls: SignedUrls,
    place: int | None = None,
    progress: ProgressView | None = None,
) -> JobView:
    """`place` is where in the queue it is; `urls` makes those of its outputs."""
    return JobView(
        **{name: getattr(job, name) for name in ("created_at", "started_at", "completed_at")},
        id=job_name(job.id),
        status=STATUSES.get(job.status, OF_A_NEWER_RELEASE),
        expires_at=kept_until(job),
        queue_position=place,
        progress=progress,
        outputs=[OutputView.of(output, urls) for output in outputs],
        error=JobErrorView.of(job),
        metrics=metrics_of(job),
        metadata=labels_of(job.caller_metadata),
        urls=UrlsView.of(job.id),
    )


def kept_until(job: GenerationJob) -> datetime:
    return job.created_at + KEPT


def labels_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What is a label of the metadata, which other APIs may have filled with any JSON."""
    return {name: value for name, value in metadata.items() if isinstance(value, str)}


def metrics_of(job: GenerationJob) -> MetricsView:
    return MetricsView(
        queue_ms=between(job.created_at, job.started_at), execution_ms=between(job.started_at, job.completed_at)
    )


def between(start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds from start to end; two clocks may differ a little."""
    return None if start is None or end is None else max(0, round((end - start).total_seconds() * 1000))


def text_in(details: Mapping[str, Any], name: str) -> str | None:
    value = details.get(name)
    return value if isinstance(value, str) else None
