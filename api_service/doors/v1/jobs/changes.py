"""Changes to jobs that are there: many cancelled at once, one amended while it waits, one deleted after its end."""

from http import HTTPStatus
from typing import Annotated, Self
from uuid import UUID

import structlog
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from api_service.doors.v1.jobs.job_views import JobView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.jobs import job_queries
from api_service.jobs.cancel_many import cancel_matching
from api_service.jobs.filters import Filters, owner_asked_for
from api_service.jobs.metadata import Metadata
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_not_ended, job_not_found, job_started
from api_service.services import Services
from shared.jobs import before_start
from shared.jobs.deletion import delete_job, folder_of
from shared.jobs.urls import JOBS
from shared.messaging.after_commit import Outbox
from shared.messaging.events import Event
from shared.models import FINAL, WAITING, GenerationJob, JobStatus, Scope

log = structlog.get_logger(__name__)


class CancelBody(Filters):
    """Which jobs to cancel: at least one filter (`user_id` alone is none), or `all` of them."""

    all: bool = False

    @model_validator(mode="after")
    def says_which(self) -> Self:
        filters = self.model_fields_set - {"all", "user_id"}
        if not self.all and not any(getattr(self, name) not in {None, ()} for name in filters):
            raise ValueError('give at least one filter, or "all": true')
        return self


class CancelledView(BaseModel, frozen=True):
    """How many jobs were cancelled at once, and how many are on their way. Not `complete`: there are more."""

    cancelled: int
    cancelling: int
    complete: bool


class AmendBody(BaseModel, frozen=True, extra="forbid"):
    """What to change of a job that waits; `metadata` takes the place of all that was there."""

    priority: Annotated[int, Field(ge=0, le=9, strict=True)] | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if self.priority is None and self.metadata is None:
            raise ValueError("give `priority` or `metadata`, or both")
        return self


async def cancel_jobs(call: Call[CancelBody, Nothing]) -> Response:
    """Cancel all jobs that match.

    The filters are those of the list. Jobs that have ended are left alone, and so are those accepted after this began.
    At most 10,000 are cancelled in one request.
    """
    owner = owner_asked_for(call.identity, call.body.user_id)
    counts, complete = await call.services.run(cancel_matching, call.services.outbox, call.body, owner)
    cancelled, cancelling = counts[JobStatus.CANCELLED], counts[JobStatus.CANCELLING]
    return answer_with(CancelledView(cancelled=cancelled, cancelling=cancelling, complete=complete))


async def amend(call: Call[AmendBody, Nothing]) -> Response:
    """Change the priority or the metadata of a job that waits."""
    body, outbox = call.body, call.services.outbox
    job = await call.services.run(amend_job, outbox, call.job_id, body, call.identity.owner)
    if job is None:
        raise job_not_found(call.request.path_params["job_id"])
    if job.status not in WAITING:
        raise job_started(job.status)
    return answer_with(JobView.of(job))


def amend_job(outbox: Outbox, job_id: int, body: AmendBody, owner: UUID | None) -> GenerationJob | None:
    given = {"priority": body.priority, "caller_metadata": body.metadata}
    changes = {name: value for name, value in given.items() if value is not None}
    with outbox.transaction() as session:
        job = job_queries.owned_job(session, job_id, owner, lock=True)
        return job and (before_start.amend(session, job_id, **changes) or job)


async def delete(call: Call[Nothing, Nothing]) -> Response:
    """Delete a job that has ended, with its files.

    Statistics keep counting it.
    """
    job = await call.services.run(delete_with_files, call.services, call.job_id, call.identity.owner)
    if job is None:
        raise job_not_found(call.request.path_params["job_id"])
    if job.status not in FINAL:
        raise job_not_ended(job.status)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def delete_with_files(services: Services, job_id: int, owner: UUID | None) -> GenerationJob | None:
    with services.outbox.transaction() as session:
        job = delete_job(session, job_id, owner)
    if job is not None and job.status in FINAL:
        services.outbox.publish(Event.deletion(job.id, job.user_id))
        try:
            services.store.remove(folder_of(job))
        except OSError as error:
            log.warning("files.not_removed", job_id=job.id, error=str(error))
    return job


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
