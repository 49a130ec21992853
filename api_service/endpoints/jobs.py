"""Jobs: submit one, see it, cancel it."""

from http import HTTPStatus
from uuid import UUID

from starlette.responses import Response

from api_service import records, submission
from api_service.bodies import JobBody
from api_service.codes import Code
from api_service.operations import Answer, Call, Nothing, Operation, routes_of
from api_service.problems import job_ended, job_not_found
from api_service.rate_limit import admit_submissions
from api_service.views import JobView, answer_with
from shared import lifecycle
from shared.links import JOBS, job_url
from shared.models import FINAL, GenerationJob, JobStatus, Scope
from shared.outbox import Outbox


async def submit(call: Call[JobBody, Nothing]) -> Response:
    """Submit a job.

    It is recorded before this answers, and runs as soon as a server has a free slot.
    """
    services = call.services
    await admit_submissions(services, call.identity)
    parameters = call.body.parameters()
    job = await services.run(submission.submit, services.outbox, parameters, user_id=call.identity.user_id)
    return answer_with(JobView.of(job), HTTPStatus.CREATED, Location=job_url(job.id))


async def show(call: Call[Nothing, Nothing]) -> Response:
    """Show a job as it stands."""
    found = await call.services.run(records.job_with_outputs, call.services.engine, call.job_id, call.identity.owner)
    if found is None:
        raise job_not_found(call.request.path_params["job_id"])
    return answer_with(JobView.of(*found))


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
        found = records.owned_job(session, job_id, owner)
        job = found and lifecycle.cancel(session, job_id)
    if job is not None and job.status == JobStatus.CANCELLING:
        outbox.request_cancel(job.id)
    return job


OPERATIONS = (
    Operation(
        "submitJob",
        "POST",
        f"{JOBS}/",
        submit,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(
                JobView, "the job, `queued`; or `pending` until Redis is back", headers={"Location": "where the job is"}
            )
        },
        tag="jobs",
        body=JobBody,
        problems=(Code.QUOTA_EXCEEDED,),
    ),
    Operation(
        "showJob",
        "GET",
        f"{JOBS}/{{job_id}}",
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(JobView, "the job, with its outputs or its error")},
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
ROUTES = routes_of(OPERATIONS)
