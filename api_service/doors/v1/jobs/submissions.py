"""Submitting: one job, many together, one that is only looked at, and one that has ended, again."""

from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel
from starlette.responses import Response

from api_service.doors.v1.jobs.bodies import LARGEST_BATCH, BatchBody, JobBody
from api_service.doors.v1.jobs.prefer_wait import asked_wait_s, ended_within
from api_service.doors.v1.jobs.submission_views import AcceptedJobView, BatchView, PlannedJobView, ValidView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.jobs import job_queries
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_not_found
from api_service.submit.checking import check_all
from api_service.submit.idempotency import HEADER, read_once
from api_service.submit.resubmit import RetryBody, repeated
from api_service.submit.submit import Accepted, Submission, replay, submit
from shared.database.engine import transaction
from shared.jobs.urls import JOBS, job_url
from shared.models import GenerationJob, Scope


async def submit_job(call: Call[JobBody, Nothing]) -> Response:
    """Submit a job.

    It is recorded before this answers, and runs as soon as its time has come and a server has a free slot. With an
    `Idempotency-Key` the same request can be sent again without making another job.
    """
    accepted = await call.services.run(submit, call.services, submission(call, [call.body.root]))
    return await answer_accepted(call, accepted)


async def submit_batch(call: Call[BatchBody, Nothing]) -> Response:
    """Submit up to 100 jobs.

    They are accepted together or not at all; what is wrong with one is told with its index, `jobs[3].width`.
    """
    asked = submission(call, call.body.jobs, batch_id=uuid4())
    accepted = await call.services.run(submit, call.services, asked)
    batch_id = accepted.jobs[0].batch_id
    assert batch_id is not None, "every job of a batch has it, and so does the first"
    return answer_with(BatchView.of(batch_id, accepted), status_of(accepted), **replay_headers(accepted))


async def validate_job(call: Call[JobBody, Nothing]) -> Response:
    """Look at a job without submitting it.

    The answer is what would be run, or the refusal that submitting it would meet. Nothing is recorded.
    """
    body = call.body.root
    (checked,) = await call.services.run(check_all, [body], call.services, one_of_many=False)
    return answer_with(ValidView(notes=list(checked.notes), job=PlannedJobView.of(body)))


async def retry_job(call: Call[RetryBody, Nothing]) -> Response:
    """Submit a job that has ended again.

    The new job names it as its parent. Its priority, metadata and `max_attempts` are kept; it starts at once and has no
    deadline. It belongs to whom its parent belongs to.
    """
    return await answer_accepted(call, await call.services.run(submit_again, call))


def submit_again(call: Call[RetryBody, Nothing]) -> Accepted:
    parent = owned_job(call)
    if parent:
        bodies = [repeated(parent, call.body)]
        return submit(call.services, submission(call, bodies, user_id=parent.user_id, parent_id=parent.id))
    # The same request may have made its job before the parent was deleted.
    if replayed := replay(call.services, submission(call, [])):
        return replayed
    raise job_not_found(call.request.path_params["job_id"])


def owned_job(call: Call[RetryBody, Nothing]) -> GenerationJob | None:
    with transaction(call.services.engine) as session:
        return job_queries.owned_job(session, call.job_id, call.identity.owner)


def submission(
    call: Call[Any, Nothing],
    bodies: list[Any],
    *,
    user_id: UUID | None = None,
    batch_id: UUID | None = None,
    parent_id: int | None = None,
) -> Submission:
    body: BaseModel = call.body
    return Submission(
        bodies=bodies,
        identity=call.identity,
        user_id=user_id or call.identity.user_id,
        request_id=call.request.state.request_id,
        once=read_once(call.request, body),
        batch_id=batch_id,
        parent_id=parent_id,
    )


async def answer_accepted(call: Call[Any, Nothing], accepted: Accepted) -> Response:
    """Answer with the one job that was accepted: now, or after the wait that the client prefers."""
    (job,), (notes,) = accepted.jobs, accepted.notes
    headers = {"Location": job_url(job.id), **replay_headers(accepted)}
    outputs = accepted.outputs.get(job.id, ())
    wait_s = asked_wait_s(call.request)
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s}"
        job, outputs = await ended_within(call.services, call.request, (job, outputs), wait_s)
    return answer_with(AcceptedJobView.accepted(job, notes, outputs), status_of(accepted), **headers)


def status_of(accepted: Accepted) -> HTTPStatus:
    return HTTPStatus.OK if accepted.replayed else HTTPStatus.CREATED


def replay_headers(accepted: Accepted) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if accepted.replayed else {}


REPLAYED = {"Idempotency-Replayed": "`true`: the request was sent before"}
LOCATED = {"Location": "where the job is", "Preference-Applied": "for how long the answer was held back at most"}
ONCE = {HEADER: "1 to 255 visible ASCII characters: sent again, the same request makes no other job"}
PATIENT = {**ONCE, "Prefer": "`wait=N`: answer once the job has ended, or after N seconds (60 at most)"}
ACCEPTED = {
    HTTPStatus.CREATED: Answer(
        AcceptedJobView, "the job: `queued`, or `pending` until its time comes or Redis is back", headers=LOCATED
    ),
    HTTPStatus.OK: Answer(
        AcceptedJobView, "the job that this request made before, as it stands", headers={**LOCATED, **REPLAYED}
    ),
}
PROBLEMS = (RequestCode.INVALID_HEADER, Code.IDEMPOTENCY_KEY_REUSED, Code.QUOTA_EXCEEDED)

OPERATIONS = (
    Operation(
        "submitJob",
        "POST",
        f"{JOBS}/",
        submit_job,
        Scope.WRITE,
        ACCEPTED,
        tag="jobs",
        body=JobBody,
        problems=PROBLEMS,
        request_headers=PATIENT,
    ),
    Operation(
        "submitBatch",
        "POST",
        f"{JOBS}/bulk",
        submit_batch,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(BatchView, "the jobs, in the order in which they were sent"),
            HTTPStatus.OK: Answer(BatchView, "the jobs that this request made before, as they stand", headers=REPLAYED),
        },
        tag="jobs",
        body=BatchBody,
        problems=PROBLEMS,
        request_headers=ONCE,
        largest_body=LARGEST_BATCH,
    ),
    Operation(
        "validateJob",
        "POST",
        f"{JOBS}/validate",
        validate_job,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(ValidView, "the job would be accepted")},
        tag="jobs",
        body=JobBody,
    ),
    Operation(
        "retryJob",
        "POST",
        f"{JOBS}/{{job_id}}/retry",
        retry_job,
        Scope.WRITE,
        ACCEPTED,
        tag="jobs",
        body=RetryBody,
        problems=(*PROBLEMS, Code.JOB_NOT_FOUND, Code.JOB_NOT_ENDED, Code.JOB_NOT_REPEATABLE),
        request_headers=PATIENT,
    ),
)
