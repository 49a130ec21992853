"""Submitting: one job, many together, one that is only looked at, and one that has ended, again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, acceptance_of, in_its_lane, run_of, sealed, signed_urls
from api_service.doors.v1.jobs.accepting import (
    ACCEPTED,
    ONCE,
    PATIENT,
    PROBLEMS,
    REPLAYED,
    answer_accepted,
    replay_headers,
    status_of,
    submission,
)
from api_service.doors.v1.jobs.bodies import LARGEST_BATCH, AnyJob, BatchBody, JobBody, RetryBody
from api_service.doors.v1.jobs.field_names import field_name
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.doors.v1.jobs.submission_views import BatchView, PlannedJobView, ValidView
from api_service.http.answers import answer_with
from api_service.http.bodies import read_optional_json
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.signed_urls import SignedUrls
from api_service.refusals.codes import Code
from api_service.refusals.jobs import invalid_fields
from api_service.submit.job_request import JobRequest
from api_service.submit.resubmit import resubmit
from api_service.submit.sealing import SentAlong
from api_service.submit.submit import Acceptance, Accepted, look_at, submit
from api_service.webhooks.asked import refuse_closed_urls
from shared.database.clock import ask_database_time
from shared.jobs.urls import JOBS
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
        problems=(Code.WORKFLOW_QUARANTINED,),
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
