"""Jobs: see one, cancel it."""

from http import HTTPStatus
from uuid import UUID

from starlette.responses import Response

from api_service.doors.v1.jobs.detail_views import DetailedJobView
from api_service.doors.v1.jobs.job_views import JobView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.jobs import job_queries
from api_service.jobs.detail import details
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_ended, job_not_found
from shared.jobs import lifecycle
from shared.jobs.urls import JOBS
from shared.messaging.after_commit import Outbox
from shared.models import FINAL, GenerationJob, JobStatus, Scope


async def show(call: Call[Nothing, Nothing]) -> Response:
    """Show a job as it stands.

    With its place in the queue, how far it is and when it may end, its attempts, its outputs and its times.
    """
    services = call.services
    found = await services.run(details, services.engine, call.job_id, call.identity.owner)
    if found is None:
        raise job_not_found(call.request.path_params["job_id"])
    told = await services.relay.last_progress(*([call.job_id] if found.job.status == JobStatus.RUNNING else []))
    progress = told.get(call.job_id)
    # One of an earlier attempt tells nothing of this one.
    current = progress if progress and progress.attempt == found.job.attempt else None
    return answer_with(DetailedJobView.of_details(found, current.data if current else None))


async def cancel(call: Call[Nothing, Nothing]) -> Response:
    """Cancel a job.

    One that waits is cancelled at once. One that runs is `cancelling` until its prompt is known to be gone from
    ComfyUI. Asking twice is the same as asking once.
    """
    job = await call.services.run(cancel_job, call.services.outbox, call.job_id, call.identity.owner)
    if job is None:
        raise job_not_found(call.request.path_params["job_id"])
    if job.status in FINAL - {JobStatus.CANCELLED}:
        raise job_ended(job.status)
    done = job.status == JobStatus.CANCELLED
    return answer_with(JobView.of(job), HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


def cancel_job(outbox: Outbox, job_id: int, owner: UUID | None) -> GenerationJob | None:
    with outbox.transaction() as session:
        found = job_queries.owned_job(session, job_id, owner)
        job = found and lifecycle.cancel(session, job_id)
    if job is not None and job.status == JobStatus.CANCELLING:
        outbox.request_cancel(job.id)
    return job


OPERATIONS = (
    Operation(
        "showJob",
        "GET",
        f"{JOBS}/{{job_id}}",
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(DetailedJobView, "the job, with its outputs or its error")},
        tag="jobs",
        problems=(Code.JOB_NOT_FOUND,),
    ),
    Operation(
        "cancelJob",
        "POST",
        f"{JOBS}/{{job_id}}/cancel",
        cancel,
        Scope.WRITE,
        {
            HTTPStatus.OK: Answer(JobView, "the job is cancelled"),
            HTTPStatus.ACCEPTED: Answer(JobView, "the job is `cancelling`"),
        },
        tag="jobs",
        problems=(Code.JOB_NOT_FOUND, Code.JOB_ENDED),
    ),
)
