"""Changes to jobs that are there: many cancelled at once, one amended while it waits, one deleted after its end."""

from http import HTTPStatus
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.jobs.job_views import JobView
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.cancel_many import cancel_matching
from api_service.jobs.changes import Amendment, amend_job, delete_with_files
from api_service.jobs.moving import move_job
from api_service.jobs.whose import owner_asked_for
from api_service.limits.rates import Limit
from api_service.refusals.codes import Code
from api_service.submit.priorities import check_priority
from shared.jobs.lanes.moving import LaneEnd
from shared.jobs.listing.filters import Filters
from shared.jobs.urls import JOBS
from shared.models import JobStatus, Scope
from shared.workflows.metadata import Metadata


class CancelBody(Filters):
    """Which jobs to cancel: at least one filter (`user_id` alone is none), or `all` of them."""

    all: bool = False

    @model_validator(mode="after")
    def says_which(self) -> Self:
        if not self.all and not self.chooses:
            raise ValueError('give at least one filter, or "all": true')
        return self


class CancelledView(BaseModel, frozen=True):
    """How many jobs were cancelled at once, and how many are on their way. Not `complete`: there are more."""

    cancelled: int
    cancelling: int
    complete: bool


class AmendBody(BaseModel, frozen=True, extra="forbid"):
    """What to change of a job that waits; `metadata` takes the place of all that was there. `pinned` alone may be
    changed at any time: of a pinned job nothing is cleaned up."""

    priority: Annotated[int, Field(ge=0, le=9, strict=True)] | None = None
    metadata: Metadata | None = None
    pinned: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if self.priority is None and self.metadata is None and self.pinned is None:
            raise ValueError("give `priority`, `metadata` or `pinned`")
        return self


class MoveBody(BaseModel, frozen=True, extra="forbid"):
    """Where to move a queued job, among its owner's jobs of the same priority."""

    to: LaneEnd


async def cancel_jobs(request: ApiRequest[CancelBody, Nothing]) -> CancelledView:
    """Cancel all jobs that match.

    The filters are those of the list. Jobs that have ended are left alone, and so are those accepted after this began.
    At most 10,000 are cancelled in one request.
    """
    owner = owner_asked_for(request.identity, request.body.user_id)
    counts, complete = await request.services.run(cancel_matching, request.services.messenger, request.body, owner)
    cancelled, cancelling = counts[JobStatus.CANCELLED], counts[JobStatus.CANCELLING]
    return CancelledView(cancelled=cancelled, cancelling=cancelling, complete=complete)


async def amend(request: ApiRequest[AmendBody, Nothing]) -> JobView:
    """Change the priority or the metadata of a job that waits, or pin any job.

    With another priority it goes behind the jobs that its owner has there. Retention leaves pinned jobs alone, with all
    that is theirs. Their owner may delete them all the same.
    """
    services, body = request.services, request.body
    check_priority(body.priority, services.limits.most(request.identity, Limit.PRIORITY))
    amendment = Amendment(body.priority, body.metadata, body.pinned, services.settings.sharing)
    job = await services.run(amend_job, services.messenger, job_id_in(request.path), request.identity.owner, amendment)
    return JobView.of(job)


async def move(request: ApiRequest[MoveBody, Nothing]) -> JobView:
    """Move a queued job to the front or the back of its owner's jobs of the same priority.

    Those exchange their places with it; nobody else's jobs start earlier or later for that.
    """
    services, job_id, owner = request.services, job_id_in(request.path), request.identity.owner
    is_fair = services.settings.sharing.is_fair
    return JobView.of(await services.run(move_job, services.messenger, job_id, owner, request.body.to, is_fair=is_fair))


async def delete(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Delete a job that has ended, with its files.

    Statistics keep counting it.
    """
    services, job_id = request.services, job_id_in(request.path)
    await services.run(delete_with_files, services.messenger, services.store, job_id, request.identity.owner)
    return Response(status_code=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        "cancelJobs",
        "POST",
        f"{JOBS}/cancel",
        cancel_jobs,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(CancelledView, "how many were cancelled")},
        tag="jobs",
        body=CancelBody,
    ),
    Operation(
        "amendJob",
        "PATCH",
        f"{JOBS}/{{job_id}}",
        amend,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(JobView, "the job as it is now")},
        tag="jobs",
        body=AmendBody,
        problems=(Code.JOB_NOT_FOUND, Code.JOB_STARTED),
    ),
    Operation(
        "moveJob",
        "POST",
        f"{JOBS}/{{job_id}}/move",
        move,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(JobView, "the job as it is now")},
        tag="jobs",
        body=MoveBody,
        problems=(Code.JOB_NOT_FOUND, Code.JOB_NOT_MOVABLE),
    ),
    Operation(
        "deleteJob",
        "DELETE",
        f"{JOBS}/{{job_id}}",
        delete,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the job is gone", media_types=())},
        tag="jobs",
        problems=(Code.JOB_NOT_FOUND, Code.JOB_NOT_ENDED),
    ),
)
