"""Jobs: submit one, see it, cancel it."""

from http import HTTPStatus

from starlette.responses import Response
from starlette.routing import Route

from api_service import records, submission
from api_service.authentication import LOCAL_USER
from api_service.bodies import JobBody, read_body
from api_service.problems import job_ended, job_not_found
from api_service.state import JobsRequest
from api_service.views import JobView
from shared import lifecycle
from shared.links import JOBS, job_url
from shared.models import FINAL, GenerationJob, JobStatus
from shared.outbox import Outbox


async def submit(request: JobsRequest) -> Response:
    body = await read_body(request, JobBody)
    services = request.state.services
    job = await services.run(submission.submit, services.outbox, body.parameters(), user_id=LOCAL_USER)
    return job_response(JobView.of(job), HTTPStatus.CREATED, Location=job_url(job.id))


async def show(request: JobsRequest) -> Response:
    services = request.state.services
    found = await services.run(records.job_with_outputs, services.engine, job_id_of(request))
    if found is None:
        raise job_not_found(request.path_params["job_id"])
    return job_response(JobView.of(*found), HTTPStatus.OK)


async def cancel(request: JobsRequest) -> Response:
    """200 once it is cancelled, 202 while ComfyUI is still being told, 409 where it ended otherwise."""
    services = request.state.services
    job = await services.run(cancel_job, services.outbox, job_id_of(request))
    if job is None:
        raise job_not_found(request.path_params["job_id"])
    if job.status in FINAL - {JobStatus.CANCELLED}:
        raise job_ended(job.status)
    done = job.status == JobStatus.CANCELLED
    return job_response(JobView.of(job), HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


def cancel_job(outbox: Outbox, job_id: int) -> GenerationJob | None:
    with outbox.transaction() as session:
        job = lifecycle.cancel(session, job_id)
    if job is not None and job.status == JobStatus.CANCELLING:
        outbox.request_cancel(job.id)
    return job


def job_id_of(request: JobsRequest) -> int:
    """The job's number in the path. What cannot be one names no job either."""
    text = request.path_params["job_id"]
    job_id = records.number(text)
    if job_id is None:
        raise job_not_found(text)
    return job_id


def job_response(view: JobView, status: HTTPStatus, **headers: str) -> Response:
    return Response(view.model_dump_json(), status_code=status, headers=headers, media_type="application/json")


ROUTES = [
    Route(f"{JOBS}/", submit, methods=["POST"]),
    Route(f"{JOBS}/{{job_id}}", show, methods=["GET"]),
    Route(f"{JOBS}/{{job_id}}/cancel", cancel, methods=["POST"]),
]
