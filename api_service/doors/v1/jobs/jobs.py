"""Jobs: see one, cancel it."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.v1.jobs.detail_views import DetailedJobView
from api_service.doors.v1.jobs.job_views import JobView
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.doors.waiting import asked_wait_s, ended_within, preference_applied
from api_service.http.answers import answer_with
from api_service.http.entity_tags import has_it, tags_in
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.changes import cancel_job
from api_service.jobs.detail import Unchanged, details, details_and_progress
from api_service.jobs.job_queries import find_job
from api_service.refusals.codes import Code
from shared.jobs.urls import JOBS
from shared.models import JobStatus, Scope


async def show(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Show a job as it is now.

    With its place in the queue, how far it is and when it may end, its attempts, its outputs and its times. The ETag of
    an answer, sent back in `If-None-Match`, asks for the job only if it has changed since.
    """
    wait_s = asked_wait_s(request.http)
    if wait_s is not None:
        await wait_for_its_end(request, wait_s)
    services, job_id, owner = request.services, job_id_in(request.path), request.identity.owner
    limit = services.settings.limit_running_jobs
    known = [tag.strip('"').partition(".")[0] for tag in tags_in(request.http)]
    found, progress = await services.run(
        details_and_progress, services.messenger, job_id, owner, known, running_jobs=limit
    )
    urls = await signed_urls(request.http, request.identity)
    # Where URLs of files are shown, those that live longer are news.
    until = urls.signer.expires if found.job.status == JobStatus.COMPLETED else ""
    tag = f'"{found.version}.{progress.tick if progress else ""}.{until}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **preference_applied(wait_s)}
    if has_it(request.http, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if isinstance(found, Unchanged):  # but its progress has
        found = await services.run(details, services.engine, job_id, owner, running_jobs=limit)
    view = DetailedJobView.of_details(found, progress, urls)
    return answer_with(view, HTTPStatus.OK, **headers)


async def wait_for_its_end(request: ApiRequest[Nothing, Nothing], wait_s: int) -> None:
    services = request.services
    job = await services.run(find_job, services.engine, job_id_in(request.path), request.identity.owner)
    if job:
        await ended_within(request, (job, ()), wait_s)


async def cancel(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Cancel a job.

    One that waits is cancelled at once. One that runs is `cancelling` until its prompt is known to be gone from
    ComfyUI. Asking twice is the same as asking once.
    """
    services = request.services
    job = await services.run(cancel_job, services.messenger, job_id_in(request.path), request.identity.owner)
    done = job.status == JobStatus.CANCELLED
    return answer_with(JobView.of(job), HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


SHOWN = {
    "ETag": "differs wherever the job does, or its URLs end later; another estimate alone is no change",
    "Preference-Applied": "how long the answer waited at most",
}

OPERATIONS = (
    Operation(
        "showJob",
        "GET",
        f"{JOBS}/{{job_id}}",
        show,
        Scope.READ,
        {
            HTTPStatus.OK: Answer(DetailedJobView, "the job, with its outputs or its error", headers=SHOWN),
            HTTPStatus.NOT_MODIFIED: Answer(None, "the job has not changed", (), SHOWN),
        },
        tag="jobs",
        problems=(Code.JOB_NOT_FOUND,),
        request_headers={
            "If-None-Match": "an ETag: 304 if the job is still as it was then",
            "Prefer": "`wait=N`: answer once the job has ended, or after N seconds (60 at most)",
        },
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
