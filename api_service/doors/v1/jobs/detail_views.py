"""What clients see of one job when they ask for it: how far it is, when it may end, and what happened to it."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from api_service.doors.v1.jobs.job_views import ErrorView, JobView, OutputView, error_of, job_fields
from api_service.http.signed_urls import SignedUrls
from api_service.jobs.detail import Details
from api_service.jobs.waiting.estimate import Estimate
from api_service.jobs.waiting.hindrance import Hindrance, Reason
from api_service.jobs.waiting.pausing import PauseView
from api_service.jobs.waiting.queue_estimate import QueuePosition
from shared.jobs.durations.expectation import Basis
from shared.messaging.events import Event
from shared.models import GenerationJob, JobAttempt, Outcome
from shared.tracing.traceparent import trace_id_of


class QueueView(BaseModel, frozen=True):
    """A place in the queue: 1 is the next to start. Where `exact` is false, it is further back than that."""

    position: int
    exact: bool

    @classmethod
    def of(cls, place: QueuePosition) -> Self:
        return cls(position=place.position, exact=place.exact)


class WaitsForView(BaseModel, frozen=True):
    """Why the job cannot start now, however few come before it; `message` says it in words.

    - `pause`: an operator wants it, see `paused`.
    - `server`: no ComfyUI server can be used. `labels`: none that can be used has every label of `requires`. `names`:
      none that can be used has all models and nodes that the job names. These are looked for from the tenth second on.
    - `limit`: as many jobs of its user run as may at once.
    """

    reason: Reason
    message: str

    @classmethod
    def of(cls, hindrance: Hindrance) -> Self:
        return cls(reason=hindrance.reason, message=hindrance.message)


class EstimateView(BaseModel, frozen=True):
    """When the job may start and end. Null where nothing is known, as while it cannot start (`waits_for`).

    Half of such jobs keep `starts_at` and `ends_at`, nine of ten `starts_at_p90` and `ends_at_p90`. The end of a
    running job is corrected by its progress. `basis` says whose times it goes by: the latest of jobs with the same
    workflow on this `server`, with the same `workflow` anywhere, with its `shape` but another size, with its
    `checkpoint`, or of `all`; `samples` is how many there are.
    """

    starts_at: datetime | None
    ends_at: datetime | None
    starts_at_p90: datetime | None
    ends_at_p90: datetime | None
    basis: Basis | None
    samples: int

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        starts, ends, found = estimate.starts, estimate.ends, estimate.found
        return cls(
            starts_at=starts and starts.p50,
            ends_at=ends and ends.p50,
            starts_at_p90=starts and starts.p90,
            ends_at_p90=ends and ends.p90,
            basis=found and found.basis,
            samples=len(found.times) if found else 0,
        )


# Why an attempt ended of which its worker could, or would, say nothing.
LEFT = {
    Outcome.EXPIRED: ErrorView(
        code="worker_silent", message="the worker fell silent, so its lease ran out; another one took over", details={}
    ),
    Outcome.RELEASED: ErrorView(
        code="worker_stopped", message="the worker was stopped; another one went on with the prompt", details={}
    ),
}


class AttemptView(BaseModel, frozen=True):
    """An attempt at the job: by which worker, where, when, and how it ended. `outcome` is null while it goes on.

    An `adopted` attempt went on with the prompt of the one before it, whose worker fell silent or was stopped. `error`
    says why the attempt did not complete the job; it is null for one that did, and for one that was cancelled.
    """

    attempt: int
    worker: str
    server: str
    comfyui_prompt_id: str
    adopted: bool
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    error: ErrorView | None

    @classmethod
    def of(cls, attempt: JobAttempt) -> Self:
        values = {name: getattr(attempt, name) for name in cls.model_fields.keys() - {"worker", "error"}}
        error = error_of(attempt) or (attempt.outcome and LEFT.get(attempt.outcome)) or None
        return cls(**values, worker=attempt.worker_id, error=error)


class TimingsView(BaseModel, frozen=True):
    """How long the job waited until it was first started, ran until ComfyUI was done, and was stored until it was
    completed; in ms, null for what has not ended or was not reached."""

    queued_ms: int | None
    running_ms: int | None
    stored_ms: int | None

    @classmethod
    def of(cls, job: GenerationJob) -> Self:
        return cls(
            queued_ms=between(job.created_at, job.started_at),
            running_ms=between(job.started_at, job.generated_at or job.completed_at),
            stored_ms=between(job.generated_at, job.completed_at),
        )


class DetailedJobView(JobView, frozen=True):
    """A job as it is now, with all that is known of it.

    `queue` is null unless the job is queued and its time has come. `waits_for` says why it cannot start, where it is
    more than that others come first, and `paused` who wants that, where an operator does. `progress` is the last
    progress of a running one: percentage, node_id, node_type, step, steps. `trace_id` is the trace of its request and
    its attempts, where traces were on as it was submitted.
    """

    queue: QueueView | None
    paused: PauseView | None
    waits_for: WaitsForView | None
    estimate: EstimateView
    progress: dict[str, Any] | None
    attempts: list[AttemptView]
    timings: TimingsView
    trace_id: str | None

    @classmethod
    def of_details(cls, details: Details, progress: Event | None, urls: SignedUrls) -> Self:
        outputs = [OutputView.of(output, urls) for output in details.outputs]
        return cls(
            **job_fields(details.job, outputs),
            queue=details.place and QueueView.of(details.place),
            paused=details.pause and PauseView.of(details.pause),
            waits_for=details.hindrance and WaitsForView.of(details.hindrance),
            estimate=EstimateView.of(corrected(details.estimate, progress)),
            progress=progress.data if progress else None,
            attempts=[AttemptView.of(attempt) for attempt in details.attempts],
            timings=TimingsView.of(details.job),
            trace_id=trace_id_of(details.job.traceparent),
        )


def corrected(estimate: Estimate, progress: Event | None) -> Estimate:
    match progress:
        case Event(at=datetime() as at, data={"percentage": int() | float() as percentage}):
            return estimate.corrected(percentage / 100, at)
    return estimate


def between(start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds from start to end. Two clocks may differ a little: never less than nothing."""
    if start is None or end is None:
        return None
    return max(0, round((end - start).total_seconds() * 1000))
