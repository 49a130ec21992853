"""Refusals in the form of the Comfy API: `{"error": {"code", "message", "details"}}`, with its codes and statuses."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.http.problems import detail_of, headers_of, known_of_the_rate
from api_service.http.request_refusals import RequestCode
from api_service.limits.rates import Limit
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal, in_words
from shared.usage.budgets import Budget
from shared.workflows.opaque_names import job_name


class Form(NamedTuple):
    """How a refusal of the core is told here. `says`: instead of its own sentence, which may name what is ours."""

    status: HTTPStatus
    code: ComfyCode
    says: str | None = None


S, C = HTTPStatus, ComfyCode
NO_JOB = "there is no such job among those that this key may see"
NO_ASSET = "there is no such asset among those that this key may see"
NEEDED = "the asset cannot be deleted while something here depends on it"
AWAY = "the service cannot reach what it needs right now; ask again soon"
REUSED = "this Idempotency-Key was used before, and nothing was done now: `details` says what it made"
BROKEN = "something went wrong in the service; it has been logged"
UNREADABLE = Form(S.UNPROCESSABLE_ENTITY, C.INVALID_REQUEST)

FORMS: Mapping[StrEnum, Form] = {
    Code.UNAUTHENTICATED: Form(S.UNAUTHORIZED, C.UNAUTHORIZED),
    Code.FORBIDDEN: Form(S.FORBIDDEN, C.FORBIDDEN),
    Code.JOB_NOT_FOUND: Form(S.NOT_FOUND, C.NOT_FOUND, NO_JOB),
    Code.ASSET_NOT_FOUND: Form(S.NOT_FOUND, C.NOT_FOUND, NO_ASSET),
    Code.ASSET_IN_USE: Form(S.CONFLICT, C.ASSET_IN_USE, NEEDED),
    Code.ASSET_TOO_LARGE: Form(S.REQUEST_ENTITY_TOO_LARGE, C.INVALID_REQUEST),
    Code.HASH_MISMATCH: Form(S.CONFLICT, C.HASH_MISMATCH),
    Code.OUTPUT_GONE: Form(S.NOT_FOUND, C.NOT_FOUND, "the file is no longer in the output store"),
    RequestCode.NOT_FOUND: Form(S.NOT_FOUND, C.NOT_FOUND),
    RequestCode.METHOD_NOT_ALLOWED: Form(S.METHOD_NOT_ALLOWED, C.INVALID_REQUEST),
    RequestCode.BODY_TOO_LARGE: Form(S.REQUEST_ENTITY_TOO_LARGE, C.INVALID_REQUEST),
    RequestCode.RANGE_NOT_SATISFIABLE: Form(S.REQUESTED_RANGE_NOT_SATISFIABLE, C.INVALID_REQUEST),
    RequestCode.INVALID_JSON: UNREADABLE,
    RequestCode.BODY_TOO_DEEP: UNREADABLE,
    RequestCode.UNSUPPORTED_MEDIA_TYPE: UNREADABLE,
    RequestCode.INVALID_HEADER: UNREADABLE,
    RequestCode.INVALID_FORM: UNREADABLE,
    Code.INVALID_FIELDS: UNREADABLE,
    Code.INVALID_CURSOR: Form(S.BAD_REQUEST, C.INVALID_CURSOR),
    Code.IDEMPOTENCY_KEY_REUSED: Form(S.UNPROCESSABLE_ENTITY, C.IDEMPOTENCY_KEY_REUSE, REUSED),
    Code.RATE_LIMITED: Form(S.TOO_MANY_REQUESTS, C.RATE_LIMITED),
    Code.QUOTA_EXCEEDED: Form(S.TOO_MANY_REQUESTS, C.QUEUE_FULL),
    Code.DATABASE_UNAVAILABLE: Form(S.INTERNAL_SERVER_ERROR, C.UPSTREAM_ERROR, AWAY),
    Code.STORAGE_UNAVAILABLE: Form(S.INTERNAL_SERVER_ERROR, C.UPSTREAM_ERROR, AWAY),
    Code.INTERNAL_ERROR: Form(S.INTERNAL_SERVER_ERROR, C.UPSTREAM_ERROR, BROKEN),
    C.INVALID_WORKFLOW: Form(S.UNPROCESSABLE_ENTITY, C.INVALID_WORKFLOW),
    C.WORKFLOW_FORMAT_UI: Form(S.UNPROCESSABLE_ENTITY, C.WORKFLOW_FORMAT_UI),
    C.MISSING_ASSET: Form(S.UNPROCESSABLE_ENTITY, C.MISSING_ASSET),
    C.BLOB_NOT_FOUND: Form(S.NOT_FOUND, C.BLOB_NOT_FOUND),
    C.METADATA_INVALID: Form(S.UNPROCESSABLE_ENTITY, C.METADATA_INVALID),
    C.INVALID_METADATA_FILTER: Form(S.BAD_REQUEST, C.INVALID_METADATA_FILTER),
    C.INVALID_REQUEST: Form(S.BAD_REQUEST, C.INVALID_REQUEST),
    C.TOO_MANY_STREAMS: Form(S.TOO_MANY_REQUESTS, C.TOO_MANY_STREAMS),
}
# To wait for seconds is of no use here, and the SDK sends again whatever is answered with 429.
FULL = Form(S.FORBIDDEN, C.FORBIDDEN)
# Of limits that have a form of their own.
OF_LIMITS: Mapping[Any, Form] = {
    Limit.STORED_BYTES: FULL,
    Limit.OPEN_STREAMS: FORMS[C.TOO_MANY_STREAMS],
    **{budget.limit: FULL for budget in Budget},
}
OTHER = Form(S.BAD_REQUEST, C.INVALID_REQUEST)


class ErrorView(BaseModel, frozen=True):
    code: ComfyCode
    message: str
    details: dict[str, Any] | None


class EnvelopeView(BaseModel, frozen=True):
    """The body of every answer that refuses."""

    error: ErrorView


def envelope(request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Response:
    """The refusal in the contract's envelope."""
    status, code, message, details = told(refusal)
    body = EnvelopeView(error=ErrorView(code=code, message=message, details=details or None))
    ours = {"X-Comfy-Request-Id": request.state.request_id, **known_of_the_rate(request), **headers_of(refusal)}
    return Response(
        body.model_dump_json(), status_code=status, headers={**ours, **headers}, media_type="application/json"
    )


def told(refusal: Refusal) -> tuple[HTTPStatus, ComfyCode, str, dict[str, Any]]:
    form = OF_LIMITS.get(refusal.facts.get("limit")) or FORMS.get(refusal.code, OTHER)
    details = dict(refusal.facts.get("details") or {})
    if refusal.code == Code.IDEMPOTENCY_KEY_REUSED:
        details |= made_by_key(refusal)
    if refusal.errors and not details:
        details["fields"] = [error.model_dump() for error in refusal.errors]
    return form.status, form.code, form.says or sentence(refusal), details


def made_by_key(refusal: Refusal) -> dict[str, Any]:
    """The job, or the asset, that a key made before."""
    job_id = refusal.facts.get("job_id")
    return {"asset_id": refusal.facts["asset_id"]} if job_id is None else {"job_id": job_name(job_id)}


def sentence(refusal: Refusal) -> str:
    """What the core says; of wrong fields, what is wrong with each of the first."""
    if refusal.code != Code.INVALID_FIELDS:
        return detail_of(refusal)
    return in_words(refusal.errors)
