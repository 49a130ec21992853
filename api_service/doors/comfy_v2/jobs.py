"""One job: what it is now, the workflow behind it, and cancelling it."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.comfy_v2.names.places import JOBS, AnyQuery, job_in
from api_service.doors.comfy_v2.views.job_views import JobView, job_view
from api_service.doors.comfy_v2.views.progress_views import ProgressView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.changes import cancel_job
from api_service.jobs.detail import Placed, placed_and_progress
from api_service.jobs.graph import graph_of
from api_service.jobs.job_queries import find_job
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_not_found
from api_service.refusals.refusal import Refusal
from shared.messaging.events import Event
from shared.models import Scope

NoBody = ApiRequest[Nothing, AnyQuery]


class WorkflowView(BaseModel, frozen=True):
    """The graph that the job runs, with every seed drawn."""

    workflow: dict[str, Any]
    format: str = "api"


async def show(request: NoBody) -> JobView:
    """The job as it is now."""
    found, event = await job_and_progress(request)
    graph = graph_of(found.job) if event else None
    return job_view(
        found.job,
        found.outputs,
        urls=await signed_urls(request.http, request.identity),
        place=found.place.position if found.place else None,
        progress=ProgressView.of(event, graph) if event and graph else None,
    )


async def job_and_progress(request: NoBody) -> tuple[Placed, Event | None]:
    """Raises Refusal: job_not_found."""
    services, limit = request.services, request.services.settings.limit_running_jobs
    job_id, owner = job_in(request.path), request.identity.owner
    return await services.run(placed_and_progress, services.messenger, job_id, owner, running_jobs=limit)


async def show_workflow(request: NoBody) -> WorkflowView:
    """The workflow behind a job."""
    services = request.services
    job = await services.run(find_job, services.engine, job_in(request.path), request.identity.owner)
    graph = graph_of(job) if job else None
    if graph is None:
        raise job_not_found("")
    return WorkflowView(workflow=dict(graph))


async def cancel(request: NoBody) -> JobView:
    """Cancel a job. One that has ended stays as it is."""
    services = request.services
    try:
        await services.run(cancel_job, services.messenger, job_in(request.path), request.identity.owner)
    except Refusal as refusal:
        if refusal.code != Code.JOB_ENDED:
            raise
    return await show(request)


JOB = f"{JOBS}/{{id}}"
SHOWN = {HTTPStatus.OK: Answer(JobView, "the job as it is now")}
ABSENT = (Code.JOB_NOT_FOUND,)

OPERATIONS = (
    Operation("getJob", "GET", JOB, show, Scope.READ, SHOWN, tag="jobs", query=AnyQuery, problems=ABSENT),
    Operation(
        "getJobWorkflow",
        "GET",
        f"{JOB}/workflow",
        show_workflow,
        Scope.READ,
        {HTTPStatus.OK: Answer(WorkflowView, "the workflow")},
        tag="jobs",
        query=AnyQuery,
        problems=ABSENT,
    ),
    Operation(
        "cancelJob", "POST", f"{JOB}/cancel", cancel, Scope.WRITE, SHOWN, tag="jobs", query=AnyQuery, problems=ABSENT
    ),
)
