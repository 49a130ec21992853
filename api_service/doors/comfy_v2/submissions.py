"""Submitting a workflow."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api_service.doors.binding import ApiRequest, acceptance_of, in_its_lane, sealed, signed_urls
from api_service.doors.comfy_v2.bodies import JobBody
from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.doors.comfy_v2.names.places import JOBS, AnyQuery, job_address
from api_service.doors.comfy_v2.names.used_once import ONCE, used_once
from api_service.doors.comfy_v2.views.job_views import JobView, job_view
from api_service.doors.comfy_v2.workflows import invalid_workflow, refuse_what_is_no_workflow
from api_service.http.answers import answer_with
from api_service.http.bodies import read_json
from api_service.http.operations import Answer, Operation
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal, in_words
from api_service.submit.submit import Submission, submit
from api_service.webhooks.asked import refuse_closed_urls
from shared.models import Scope


async def submit_job(request: ApiRequest[JobBody, AnyQuery]) -> Response:
    """Submit a workflow. It is recorded before this answers."""
    workflow = request.body.workflow
    await in_its_lane(request, refuse_what_is_no_workflow, workflow)
    sent = request.body.sent_along()
    refuse_closed_urls(request.services.fetches.outgoing, [("webhook_url", sent.request.options.webhook)])
    asked = Submission(
        jobs=await sealed(request, [sent]),
        charge=request.charge,
        owner=request.identity.user_id,
        request_id=request.http.state.request_id,
        idempotency_key=used_once(request.http),
    )
    try:
        accepted = await submit(acceptance_of(request), asked)
    except Refusal as refusal:
        if refusal.code == Code.INVALID_FIELDS:
            raise invalid_workflow(refusal.errors, workflow) from None
        raise
    (job,) = accepted.jobs
    view = job_view(job, urls=await signed_urls(request.http, request.identity))
    return answer_with(view, HTTPStatus.CREATED, Location=job_address(job.id))


async def read_job(http: Request[Any], model: type[Any], largest: int) -> Any:
    """The body. Raises Refusal, with the contract's code for the field that is wrong."""
    try:
        return await read_json(http, model, largest)
    except Refusal as refusal:
        if refusal.code != Code.INVALID_FIELDS:
            raise
        code = code_of(error.field for error in refusal.errors)
        if code is None:
            raise
        raise Refusal(code, in_words(refusal.errors), errors=refusal.errors) from None


def code_of(fields: Iterable[str]) -> ComfyCode | None:
    wrong = {field.partition(".")[0] for field in fields}
    if wrong == {"metadata"}:
        return ComfyCode.METADATA_INVALID
    return ComfyCode.INVALID_WORKFLOW if "workflow" in wrong else None


OPERATIONS = (
    Operation(
        "postJobs",
        "POST",
        JOBS,
        submit_job,
        Scope.WRITE,
        {HTTPStatus.CREATED: Answer(JobView, "the job, recorded", headers={"Location": "where the job is"})},
        tag="jobs",
        body=JobBody,
        query=AnyQuery,
        read=read_job,
        problems=(
            ComfyCode.INVALID_WORKFLOW,
            ComfyCode.WORKFLOW_FORMAT_UI,
            ComfyCode.MISSING_ASSET,
            ComfyCode.METADATA_INVALID,
            Code.IDEMPOTENCY_KEY_REUSED,
            Code.QUOTA_EXCEEDED,
        ),
        request_headers=ONCE,
        submits=True,
    ),
)
