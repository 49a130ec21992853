"""Refusals in the form of OpenAI: `{"error": {"message", "type", "param", "code"}}`, with statuses its clients know."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api_service.doors.openai.answers.codes import ImageCode
from api_service.http.problems import STATUSES, detail_of, headers_of, known_of_the_rate
from api_service.limits.rates import Limit
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal, in_words
from shared.jobs.urls import job_url
from shared.usage.budgets import Budget

S = HTTPStatus
# Where the status is another than elsewhere: these clients know 400 for whatever is wrong with a request.
OWN: Mapping[StrEnum, HTTPStatus] = {
    ImageCode.MODEL_NOT_FOUND: S.NOT_FOUND,
    ImageCode.MODEL_MISSING: S.BAD_REQUEST,
    ImageCode.JOB_GOES_ON: S.GATEWAY_TIMEOUT,
    ImageCode.JOB_FAILED: S.INTERNAL_SERVER_ERROR,
    ImageCode.JOB_CANCELLED: S.CONFLICT,
}
CODES: Mapping[StrEnum, str] = {
    Code.UNAUTHENTICATED: "invalid_api_key",
    Code.RATE_LIMITED: "rate_limit_exceeded",
    Code.QUOTA_EXCEEDED: "rate_limit_exceeded",
}
TYPES: Mapping[HTTPStatus, str] = {
    S.UNAUTHORIZED: "authentication_error",
    S.FORBIDDEN: "permission_error",
    S.TOO_MANY_REQUESTS: "rate_limit_error",
}
# What OpenAI says of who has used up what they may: to wait for seconds is of no use.
SPENT = "insufficient_quota"
BUDGETS = frozenset(budget.limit for budget in Budget)
# The official clients repeat whatever may help by its status. Of a job that was recorded it would make another one.
SHOULD_RETRY = "X-Should-Retry"


class ErrorView(BaseModel, frozen=True):
    """What went wrong, and with which parameter. `job_id` is ours: the job that was made of the request."""

    message: str
    type: str
    param: str | None
    code: str
    job_id: int | None = None


class EnvelopeView(BaseModel, frozen=True):
    """The body of every answer that refuses."""

    error: ErrorView


def envelope(request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Response:
    """The refusal in OpenAI's form."""
    return Response(
        error_of(refusal).model_dump_json(exclude_unset=True),
        status_code=status_in(refusal),
        headers={**known_of_the_rate(request), **headers_of(refusal), **headers_of_retries(refusal), **headers},
        media_type="application/json",
    )


def error_of(refusal: Refusal) -> EnvelopeView:
    param = refusal.errors[0].field if refusal.errors else None
    message = in_words(refusal.errors) if refusal.code == Code.INVALID_FIELDS else detail_of(refusal)
    about = {} if refusal.facts.get("job_id") is None else {"job_id": refusal.facts["job_id"]}
    kind = SPENT if is_spent(refusal) else type_of(status_in(refusal))
    error = ErrorView(message=message, type=kind, param=param, code=code_of(refusal), **about)
    return EnvelopeView(error=error)


def code_of(refusal: Refusal) -> str:
    """Of wrong fields the first one's own code says more."""
    if refusal.code == Code.INVALID_FIELDS:
        first = refusal.errors[0].code
        return "unknown_parameter" if first == "extra_forbidden" else first
    return SPENT if is_spent(refusal) else shown_code(refusal.code)


def is_spent(refusal: Refusal) -> bool:
    return refusal.facts.get("limit") in BUDGETS


def shown_code(code: StrEnum) -> str:
    return CODES.get(code, str(code))


def status_in(refusal: Refusal) -> HTTPStatus:
    # To wait is of no use here, and the official clients repeat whatever is answered 429.
    is_full = refusal.facts.get("limit") == Limit.STORED_BYTES
    given: HTTPStatus | None = refusal.facts.get("status")
    return given or (S.FORBIDDEN if is_full else status_of(refusal.code))


def status_of(code: StrEnum) -> HTTPStatus:
    status = OWN.get(code) or STATUSES[code]
    return S.BAD_REQUEST if status is S.UNPROCESSABLE_ENTITY else status


def type_of(status: HTTPStatus) -> str:
    return "server_error" if status >= S.INTERNAL_SERVER_ERROR else TYPES.get(status, "invalid_request_error")


def headers_of_retries(refusal: Refusal) -> dict[str, str]:
    if is_spent(refusal):
        return {SHOULD_RETRY: "false"}
    if refusal.facts.get("job_id") is None:
        return {}
    repeats = "true" if refusal.facts.get("may_repeat") else "false"
    return {"Location": job_url(refusal.facts["job_id"]), SHOULD_RETRY: repeats}
