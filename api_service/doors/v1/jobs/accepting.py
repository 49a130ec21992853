"""A job that was submitted, in whichever way: under an `Idempotency-Key` as uploads are, and answered alike."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from api_service.doors.binding import ApiRequest, in_its_lane, signed_urls
from api_service.doors.idempotency_key import HEADER, idempotency_key
from api_service.doors.v1.jobs.field_names import field_name
from api_service.doors.v1.jobs.submission_views import AcceptedJobView
from api_service.doors.waiting import asked_wait_s, ended_within, preference_applied
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code
from api_service.submit.submit import Accepted, Submission
from shared.jobs.urls import job_url

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
    Code.WORKFLOW_QUARANTINED,
    Code.STORAGE_UNAVAILABLE,
)


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
