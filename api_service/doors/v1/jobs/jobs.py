"""Jobs: see one, cancel it."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.jobs.detail_views import DetailedJobView
from api_service.doors.v1.jobs.job_views import JobView
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.changes import cancel_job
from api_service.jobs.detail import details
from api_service.refusals.codes import Code
from shared.jobs.urls import JOBS
from shared.models import JobStatus, Scope


async def show(request: ApiRequest[Nothing, Nothing]) -> DetailedJobView:
    """Show a job as it is now.

    With its place in the queue, how far it is and when it may end, its attempts, its outputs and its times.
    """
    services, owner = request.services, request.identity.owner
    limit = services.settings.limit_running_jobs
    found = await services.run(details, services.engine, job_id_in(request.path), owner, running_jobs=limit)
    job = found.job
    last = await services.relay.last_progress(*([job.id] if job.status == JobStatus.RUNNING else []))
    progress = last.get(job.id)
    # Progress of an earlier attempt says nothing about this one.
    current = progress if progress and progress.attempt == job.attempt else None
    return DetailedJobView.of_details(found, current.data if current else None)


async def cancel(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Cancel a job.

    One that waits is cancelled at once. One that runs is `cancelling` until its prompt is known to be gone from
    ComfyUI. Asking twice is the same as asking once.
    """
    services = request.services
    job = await services.run(cancel_job, services.messenger, job_id_in(request.path), request.identity.owner)
    done = job.status == JobStatus.CANCELLED
    return answer_with(JobView.of(job), HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


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
