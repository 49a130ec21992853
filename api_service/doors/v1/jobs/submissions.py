"""Submitting: one job, many together, one that is only looked at, and one that has ended, again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel
from starlette.responses import Response

from api_service.doors.binding import ApiRequest, acceptance_of, in_its_lane, run_of, sealed, signed_urls
from api_service.doors.v1.jobs.bodies import LARGEST_BATCH, AnyJob, BatchBody, JobBody, RetryBody
from api_service.doors.v1.jobs.field_names import field_name
from api_service.doors.v1.jobs.idempotency_key import HEADER, idempotency_key
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.doors.v1.jobs.submission_views import AcceptedJobView, BatchView, PlannedJobView, ValidView
from api_service.doors.v1.jobs.waiting import asked_wait_s, ended_within, preference_applied
from api_service.http.answers import answer_with
from api_service.http.bodies import read_optional_json
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.http.signed_urls import SignedUrls
from api_service.refusals.codes import Code
from api_service.refusals.jobs import invalid_fields
from api_service.submit.job_request import JobRequest
from api_service.submit.resubmit import resubmit
from api_service.submit.sealing import SentAlong
from api_service.submit.submit import Acceptance, Accepted, Submission, look_at, submit
from api_service.webhooks.asked import refuse_closed_urls
from shared.database.clock import ask_database_time
from shared.jobs.urls import JOBS, job_url
from shared.models import Scope


async def submit_job(request: ApiRequest[JobBody, Nothing]) -> Response:
    """Submit a job.

    It is recorded before this answers, and runs as soon as its time has come and a server has a free slot. With an
    `Idempotency-Key` the same request can be sent again without making another job.
    """
    asked = replace(await submission(request), jobs=await jobs_of(request, {"": request.body.root}))
    return await answer_accepted(request, await submit(acceptance_of(request), asked))


async def submit_batch(request: ApiRequest[BatchBody, Nothing]) -> Response:
    """Submit up to 100 jobs.

    They are accepted together or not at all; an error names the job by its index, `jobs[3].width`.
    """
    jobs = await jobs_of(request, {f"jobs[{index}].": job for index, job in enumerate(request.body.jobs)})
    asked = replace(await submission(request), jobs=jobs, batch_id=uuid4())
    accepted = await submit(acceptance_of(request), asked)
    batch_id = accepted.jobs[0].batch_id
    assert batch_id is not None, "every job of a batch has it, and so does the first"
    urls = await signed_urls(request.http, request.identity)
    return await in_its_lane(request, batch_answer, batch_id, accepted, urls)


def batch_answer(batch_id: UUID, accepted: Accepted, urls: SignedUrls) -> Response:
    return answer_with(BatchView.of(batch_id, accepted, urls), status_of(accepted), **replay_headers(accepted))


async def validate_job(request: ApiRequest[JobBody, Nothing]) -> Response:
    """Look at a job without submitting it.

    The answer is what would be run, or the refusal that submitting it would meet. Nothing is recorded.
    """
    (asked,) = await jobs_of(request, {"": request.body.root})
    return await run_of(request)(validated, request.services.acceptance, asked, request.identity.user_id)


def validated(acceptance: Acceptance, asked: JobRequest, owner: UUID) -> Response:
    (checked,) = look_at(acceptance, [asked], owner, field_name)
    return answer_with(ValidView(notes=list(checked.notes), job=PlannedJobView.of(checked.planned)))


async def retry_job(request: ApiRequest[RetryBody, Nothing]) -> Response:
    """Submit a job that has ended again.

    The new job names it as its parent. Its priority, metadata, `max_attempts` and `webhook` are kept; it starts at once
    and has no deadline. It belongs to whom its parent belongs to.
    """
    accepted = await resubmit(
        request.services.acceptance, job_id_in(request.path), request.body.seed, await submission(request)
    )
    return await answer_accepted(request, accepted)


async def jobs_of(request: ApiRequest[Any, Nothing], bodies: Mapping[str, AnyJob]) -> list[JobRequest]:
    """The jobs as the core takes them, from bodies by their place in the request; their times by the database's clock,
    and their secrets encrypted.

    Raises Refusal: invalid_fields.
    """
    accepted_at: datetime | None = None
    if any(body.names_a_time for body in bodies.values()):
        accepted_at = await request.services.run(ask_database_time, request.services.engine)
        wrong = [
            error.model_copy(update={"field": f"{place}{error.field}"})
            for place, body in bodies.items()
            for error in body.time_errors(accepted_at)
        ]
        if wrong:
            raise invalid_fields(wrong)
    jobs = [SentAlong(body.request(accepted_at, place), body.extra_data) for place, body in bodies.items()]
    webhooks = [(f"{job.request.place}webhook.url", job.request.options.webhook) for job in jobs]
    refuse_closed_urls(request.services.fetches.outgoing, webhooks)
    return await sealed(request, jobs)


async def submission(request: ApiRequest[Any, Nothing]) -> Submission:
    """Who submits, in which request; without the jobs."""
    body: BaseModel = request.body
    key = await in_its_lane(request, idempotency_key, request.http, body)
    return Submission(
        jobs=(),
        charge=request.charge,
        owner=request.identity.user_id,
        request_id=request.http.state.request_id,
        idempotency_key=key,
        field_name=field_name,
    )


async def answer_accepted(request: ApiRequest[Any, Nothing], accepted: Accepted) -> Response:
    """Answer with the one job that was accepted: now, or after the wait that the client prefers."""
    (job,), (notes,) = accepted.jobs, accepted.notes
    outputs = accepted.outputs.get(job.id, ())
    wait_s = asked_wait_s(request.http)
    headers = {"Location": job_url(job.id), **replay_headers(accepted), **preference_applied(wait_s)}
    if wait_s is not None:
        job, outputs = await ended_within(request, (job, outputs), wait_s)

    urls = await signed_urls(request.http, request.identity)

    def answer() -> Response:
        return answer_with(AcceptedJobView.accepted(job, notes, outputs, urls), status_of(accepted), **headers)

    return await in_its_lane(request, answer)


def status_of(accepted: Accepted) -> HTTPStatus:
    return HTTPStatus.OK if accepted.replayed else HTTPStatus.CREATED


def replay_headers(accepted: Accepted) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if accepted.replayed else {}


REPLAYED = {"Idempotency-Replayed": "`true`: the request was sent before"}
LOCATED = {"Location": "where the job is", "Preference-Applied": "how long the answer waited at most"}
ONCE = {HEADER: "1 to 255 visible ASCII characters: sent again, the same request makes no other job"}
PATIENT = {**ONCE, "Prefer": "`wait=N`: answer once the job has ended, or after N seconds (60 at most)"}
ACCEPTED = {
    HTTPStatus.CREATED: Answer(
        AcceptedJobView, "the job: `queued`, or `pending` until its time comes or Redis is back", headers=LOCATED
    ),
    HTTPStatus.OK: Answer(
        AcceptedJobView, "the job that this request made before, as it is now", headers={**LOCATED, **REPLAYED}
    ),
}
PROBLEMS = (
    RequestCode.INVALID_HEADER,
    Code.IDEMPOTENCY_KEY_REUSED,
    Code.QUOTA_EXCEEDED,
    Code.STORAGE_UNAVAILABLE,
)

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
        submits=True,
    ),
    Operation(
        "submitBatch",
        "POST",
        f"{JOBS}/bulk",
        submit_batch,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(BatchView, "the jobs, in the order in which they were sent"),
            HTTPStatus.OK: Answer(BatchView, "the jobs that this request made before, as they are", headers=REPLAYED),
        },
        tag="jobs",
        body=BatchBody,
        problems=PROBLEMS,
        request_headers=ONCE,
        largest_body=LARGEST_BATCH,
        submits=True,
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
        read=read_optional_json,
        problems=(*PROBLEMS, Code.JOB_NOT_FOUND, Code.JOB_NOT_ENDED, Code.JOB_NOT_REPEATABLE),
        request_headers=PATIENT,
        submits=True,
    ),
)
