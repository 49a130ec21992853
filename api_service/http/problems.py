"""A refusal becomes an answer (RFC 9457): its status, its headers, and a body that says what to do."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api_service.http.addresses import unknown_address, wrong_method
from api_service.http.answers import rate_headers
from api_service.http.request_refusals import REQUEST_MEANINGS, RequestCode
from api_service.http.server.root_path import below_root
from api_service.refusals.codes import MEANINGS, Code
from api_service.refusals.refusal import FieldError, Refusal
from shared.database.troubles.unavailable import is_not_there, is_unavailable, state_of

log = structlog.get_logger(__name__)

S = HTTPStatus
STATUSES: Mapping[StrEnum, HTTPStatus] = {
    RequestCode.INVALID_JSON: S.BAD_REQUEST,
    RequestCode.INVALID_HEADER: S.BAD_REQUEST,
    RequestCode.BODY_TOO_DEEP: S.BAD_REQUEST,
    RequestCode.INVALID_FORM: S.BAD_REQUEST,
    RequestCode.HTTP_ERROR: S.BAD_REQUEST,
    Code.UNAUTHENTICATED: S.UNAUTHORIZED,
    Code.FORBIDDEN: S.FORBIDDEN,
    Code.INVALID_SIGNATURE: S.FORBIDDEN,
    Code.CROSS_SITE: S.FORBIDDEN,
    RequestCode.NOT_FOUND: S.NOT_FOUND,
    Code.JOB_NOT_FOUND: S.NOT_FOUND,
    Code.USER_NOT_FOUND: S.NOT_FOUND,
    Code.KEY_NOT_FOUND: S.NOT_FOUND,
    Code.OUTPUT_NOT_FOUND: S.NOT_FOUND,
    Code.THUMBNAIL_NOT_FOUND: S.NOT_FOUND,
    Code.KIND_NOT_FOUND: S.NOT_FOUND,
    Code.NODE_CLASS_NOT_FOUND: S.NOT_FOUND,
    Code.SERVER_NOT_FOUND: S.NOT_FOUND,
    Code.ASSET_NOT_FOUND: S.NOT_FOUND,
    Code.WEBHOOK_NOT_FOUND: S.NOT_FOUND,
    Code.DELIVERY_NOT_FOUND: S.NOT_FOUND,
    Code.SCHEDULE_NOT_FOUND: S.NOT_FOUND,
    Code.NOTIFICATION_NOT_FOUND: S.NOT_FOUND,
    Code.FAILURE_NOT_FOUND: S.NOT_FOUND,
    Code.QUARANTINE_NOT_FOUND: S.NOT_FOUND,
    Code.LINK_INVALID: S.NOT_FOUND,
    Code.MAIL_UNAVAILABLE: S.CONFLICT,
    Code.TASK_NOT_FOUND: S.NOT_FOUND,
    Code.TASK_HAS_NO_FILE: S.NOT_FOUND,
    RequestCode.METHOD_NOT_ALLOWED: S.METHOD_NOT_ALLOWED,
    Code.TASK_ENDED: S.CONFLICT,
    Code.TASK_NOT_ENDED: S.CONFLICT,
    Code.JOB_ENDED: S.CONFLICT,
    Code.JOB_NOT_ENDED: S.CONFLICT,
    Code.JOB_STARTED: S.CONFLICT,
    Code.WORKFLOW_QUARANTINED: S.CONFLICT,
    Code.JOB_NOT_MOVABLE: S.CONFLICT,
    Code.NAME_TAKEN: S.CONFLICT,
    Code.SERVER_EXISTS: S.CONFLICT,
    Code.SERVER_IN_SETTINGS: S.CONFLICT,
    Code.ASSET_IN_USE: S.CONFLICT,
    Code.HASH_MISMATCH: S.CONFLICT,
    Code.SCHEDULE_NOT_RUNNABLE: S.CONFLICT,
    Code.OUTPUT_GONE: S.GONE,
    RequestCode.BODY_TOO_LARGE: S.REQUEST_ENTITY_TOO_LARGE,
    Code.ASSET_TOO_LARGE: S.REQUEST_ENTITY_TOO_LARGE,
    RequestCode.UNSUPPORTED_MEDIA_TYPE: S.UNSUPPORTED_MEDIA_TYPE,
    RequestCode.RANGE_NOT_SATISFIABLE: S.REQUESTED_RANGE_NOT_SATISFIABLE,
    Code.INVALID_FIELDS: S.UNPROCESSABLE_ENTITY,
    RequestCode.INVALID_QUERY: S.UNPROCESSABLE_ENTITY,
    Code.INVALID_CURSOR: S.UNPROCESSABLE_ENTITY,
    Code.JOB_NOT_REPEATABLE: S.UNPROCESSABLE_ENTITY,
    Code.IDEMPOTENCY_KEY_REUSED: S.UNPROCESSABLE_ENTITY,
    Code.RATE_LIMITED: S.TOO_MANY_REQUESTS,
    Code.QUOTA_EXCEEDED: S.TOO_MANY_REQUESTS,
    Code.INTERNAL_ERROR: S.INTERNAL_SERVER_ERROR,
    Code.DATABASE_UNAVAILABLE: S.SERVICE_UNAVAILABLE,
    Code.STORAGE_UNAVAILABLE: S.SERVICE_UNAVAILABLE,
}
AGAIN = "`Retry-After` says when to try again"
TEXTS: Mapping[StrEnum, str] = {
    **MEANINGS,
    **REQUEST_MEANINGS,
    **{code: f"{MEANINGS[code]}; {AGAIN}" for code in (Code.RATE_LIMITED, Code.QUOTA_EXCEEDED)},
}
AWAY = "the database cannot be reached right now; send the same request again soon"
REFUSES = "the database does not do what this service needs right now; send the same request again soon"
OTHER_SCHEMA = "the database has another schema than this service needs: run `make migrate`; see"
REALM = 'Bearer realm="genonaut"'


WRONG_FIELDS: Mapping[StrEnum, FieldError] = {
    Code.INVALID_FIELDS: FieldError(field="width", message="Input should be a multiple of 8", code="multiple_of"),
    RequestCode.INVALID_QUERY: FieldError(field="limit", message="Input should be at most 200", code="less_than_equal"),
}


class ProblemBody(BaseModel, frozen=True):
    """The body of every answer that refuses; media type `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] | None = None
    limit: str | None = None


def problem_example(code: StrEnum) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    wrong, status = WRONG_FIELDS.get(code), STATUSES[code]
    body = ProblemBody(
        title=status.phrase, status=status, code=code, detail=TEXTS[code], errors=(wrong,) if wrong else None
    )
    return body.model_dump(mode="json", exclude_none=True)


def detail_of(refusal: Refusal) -> str:
    """The sentence, with what to do about it over HTTP."""
    advice = "; send `Authorization: Bearer gn_<id>_<secret>`" if refusal.code is Code.UNAUTHENTICATED else ""
    return f"{refusal.detail}{advice}"


def headers_of(refusal: Refusal) -> dict[str, str]:
    """What the headers say of a refusal."""
    headers = rate_headers(refusal.facts.get("rate"))
    if (retry_after_s := refusal.facts.get("retry_after_s")) is not None:
        headers["Retry-After"] = str(retry_after_s)
    match refusal.code:
        case Code.UNAUTHENTICATED:
            headers["WWW-Authenticate"] = REALM
        case Code.FORBIDDEN:
            scope = refusal.facts["scope"]
            headers["WWW-Authenticate"] = f'{REALM}, error="insufficient_scope", scope="{scope}"'
        case RequestCode.RANGE_NOT_SATISFIABLE:
            headers["Content-Range"] = f"bytes */{refusal.facts['file_size']}"
        case RequestCode.BODY_TOO_LARGE | Code.ASSET_TOO_LARGE | RequestCode.INVALID_FORM:
            headers["Connection"] = "close"  # the rest of it is not read
    return headers


# Writes a refusal in the form of a door, with these headers beside those of its own.
Write = Callable[[Request, Refusal, Mapping[str, str]], Response]


def problem(request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Response:
    """The refusal as an RFC 9457 problem."""
    status = refusal.facts.get("status") or STATUSES[refusal.code]
    body = ProblemBody(
        title=status.phrase,
        status=status,
        code=refusal.code,
        detail=detail_of(refusal),
        errors=refusal.errors or None,
        limit=refusal.facts.get("limit"),
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        status_code=status,
        headers={**known_of_the_rate(request), **headers_of(refusal), **headers},
        media_type="application/problem+json",
    )


def known_of_the_rate(request: Request) -> Mapping[str, str]:
    """What the headers of every answer to this request say of the rate."""
    known: Mapping[str, str] = getattr(request.state, "rate", {})
    return known


async def answer_refusal(write: Write, request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return write(request, error, {})


async def answer_http_exception(write: Write, request: Request, error: Exception) -> Response:
    """Starlette's own refusals: unknown routes, wrong methods."""
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    match status:
        case S.NOT_FOUND:
            refusal = Refusal(RequestCode.NOT_FOUND, unknown_address(request.url.path, request.app.routes))
        case S.METHOD_NOT_ALLOWED:
            # Served files are the one place that does not say what it takes.
            headers["Allow"] = ", ".join(sorted(headers.get("Allow", "GET, HEAD").split(", ")))
            refusal = Refusal(RequestCode.METHOD_NOT_ALLOWED, wrong_method(request.method, headers["Allow"]))
        case _:
            refusal = Refusal(RequestCode.HTTP_ERROR, error.detail, status=status)
    return write(request, refusal, headers)


async def answer_database_error(write: Write, request: Request, error: Exception) -> Response:
    """The database is away, refuses for now, or has another schema: 503. It refused what we asked: our mistake, 500."""
    if is_not_there(error):
        log.error("database.other_schema", error=str(error))
        detail = f"{OTHER_SCHEMA} {below_root('/health/ready')}"
        return write(request, Refusal(Code.DATABASE_UNAVAILABLE, detail, retry_after_s=5), {})
    if is_unavailable(error):
        log.warning("database.unavailable", error=str(error))
        detail = REFUSES if state_of(error) else AWAY
        return write(request, Refusal(Code.DATABASE_UNAVAILABLE, detail, retry_after_s=5), {})
    return await answer_bug(write, request, error)


async def answer_bug(write: Write, request: Request, error: Exception) -> Response:
    log.error("request.failed", exc_info=error)
    return write(request, Refusal(Code.INTERNAL_ERROR, MEANINGS[Code.INTERNAL_ERROR]), {})


async def answer_nobody(_request: Request, _error: Exception) -> Response:
    """The client hung up before its request was complete: there is nobody to answer."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def handlers_of(write: Write) -> dict[Any, Any]:
    """What answers each kind of error, in this form."""
    return {
        Refusal: partial(answer_refusal, write),
        HTTPException: partial(answer_http_exception, write),
        ClientDisconnect: answer_nobody,
        DBAPIError: partial(answer_database_error, write),
        PoolTimeout: partial(answer_database_error, write),
    }
