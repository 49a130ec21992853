"""Every refusal, in one form (RFC 9457) and one file: what was wrong, which field, what to do."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api_service.refusals.codes import Code
from shared.database.engine import is_unavailable
from shared.database.schema import is_not_there
from shared.models import JobStatus, Scope

log = structlog.get_logger(__name__)


class FieldError(BaseModel, frozen=True):
    """One wrong field: its path in the body, what is wrong with it, and pydantic's word for that."""

    field: str
    message: str
    code: str


class Problem(Exception):
    """A refusal on its way to the client."""

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        status: HTTPStatus | None = None,
        limit: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status or code.status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.limit = limit

    @property
    def body(self) -> "ProblemBody":
        return ProblemBody(
            title=self.status.phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors or None,
            limit=self.limit,
        )


class ProblemBody(BaseModel, frozen=True):
    """The body of every answer that refuses; media type `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] | None = None
    limit: str | None = None


def job_not_found(job_id: str) -> Problem:
    return Problem(Code.JOB_NOT_FOUND, f"there is no job {job_id!r}")


def user_not_found(user_id: object) -> Problem:
    return Problem(Code.USER_NOT_FOUND, f"there is no user {str(user_id)!r}")


def key_not_found(key_id: str) -> Problem:
    return Problem(Code.KEY_NOT_FOUND, f"there is no key {key_id!r}")


def name_taken(name: str) -> Problem:
    return Problem(Code.NAME_TAKEN, f"another user is called {name!r}")


def output_not_found(job_id: str, number: str) -> Problem:
    return Problem(Code.OUTPUT_NOT_FOUND, f"job {job_id} has no output {number!r}")


def thumbnail_not_found(size: str, sizes: Sequence[str], note: str | None) -> Problem:
    offered = f"there are {', '.join(sizes)}" if sizes else note or "this kind of output has none"
    return Problem(Code.THUMBNAIL_NOT_FOUND, f"there is no thumbnail of size {size!r}: {offered}")


def output_gone(path: str) -> Problem:
    return Problem(Code.OUTPUT_GONE, f"the file {path} is no longer in the output store")


def job_ended(status: JobStatus) -> Problem:
    return Problem(Code.JOB_ENDED, f"the job is {status} already and can no longer be cancelled")


def job_not_ended(status: JobStatus) -> Problem:
    return Problem(
        Code.JOB_NOT_ENDED, f"the job is {status} and can only be deleted once it has ended; cancel it first"
    )


def job_started(status: JobStatus) -> Problem:
    return Problem(Code.JOB_STARTED, f"the job is {status}; priority and metadata can be changed only while it waits")


def range_not_satisfiable(size: int) -> Problem:
    return Problem(
        Code.RANGE_NOT_SATISFIABLE,
        f"the file has {size} bytes",
        headers={"Content-Range": f"bytes */{size}"},
    )


def unsupported_media_type(given: str) -> Problem:
    return Problem(
        Code.UNSUPPORTED_MEDIA_TYPE,
        f"the body must be sent as Content-Type: application/json, not {given or 'without one'}",
    )


def body_too_large(most: int) -> Problem:
    return Problem(
        Code.BODY_TOO_LARGE,
        f"the body has more than {most} bytes",
        headers={"Connection": "close"},  # the rest of it is not read
    )


def invalid_json(reason: str) -> Problem:
    return Problem(Code.INVALID_JSON, f"the body is not JSON: {reason}")


def body_too_deep(most: int) -> Problem:
    return Problem(Code.BODY_TOO_DEEP, f"lists and objects of the body stand in each other more than {most} deep")


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    return Problem(Code.INVALID_FIELDS, f"these fields are wrong: {names_of(errors)}", errors=errors)


def invalid_query(errors: Sequence[FieldError]) -> Problem:
    return Problem(Code.INVALID_QUERY, f"these query parameters are wrong: {names_of(errors)}", errors=errors)


def names_of(errors: Sequence[FieldError]) -> str:
    return ", ".join(dict.fromkeys(error.field for error in errors))


def unauthenticated(reason: str) -> Problem:
    return Problem(
        Code.UNAUTHENTICATED,
        f"{reason}; send `Authorization: Bearer gn_<id>_<secret>`",
        headers={"WWW-Authenticate": 'Bearer realm="genonaut"'},
    )


def forbidden(scope: Scope) -> Problem:
    return Problem(
        Code.FORBIDDEN,
        f"this needs a key with the scope {scope}",
        headers={"WWW-Authenticate": f'Bearer realm="genonaut", error="insufficient_scope", scope="{scope}"'},
    )


def rate_limited(limit: str, most: int, *, retry_after_s: int, headers: Mapping[str, str]) -> Problem:
    return Problem(
        Code.RATE_LIMITED,
        f"this key may have {most} {limit.replace('_', ' ')}; try again in {retry_after_s} s",
        headers={"Retry-After": str(retry_after_s), **headers},
        limit=limit,
    )


def quota_exceeded(limit: str, reason: str, *, retry_after_s: int) -> Problem:
    return Problem(Code.QUOTA_EXCEEDED, reason, headers={"Retry-After": str(retry_after_s)}, limit=limit)


AWAY = "the database cannot be reached right now; send the same request again soon"
OTHER_SCHEMA = "the database has another schema than this service needs: run `make migrate`; see /health/ready"


def database_unavailable(detail: str = AWAY) -> Problem:
    return Problem(Code.DATABASE_UNAVAILABLE, detail, headers={"Retry-After": "5"})


async def answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    known_of_the_rate: Mapping[str, str] = getattr(request.state, "rate", {})
    return Response(
        error.body.model_dump_json(exclude_none=True),
        status_code=error.status,
        headers={**known_of_the_rate, **error.headers},
        media_type="application/problem+json",
    )


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: unknown routes, wrong methods, bodies that are too large."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = next((code for code in (Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED) if code.status == status), Code.HTTP_ERROR)
    return await answer_problem(request, Problem(code, error.detail, headers=error.headers, status=status))


async def answer_database_error(request: Request, error: Exception) -> Response:
    """The database is away, or has another schema: 503. It refused what we asked: our mistake, 500."""
    if isinstance(error, PoolTimeout) or is_unavailable(error):
        log.warning("database.unavailable", error=str(error))
        return await answer_problem(request, database_unavailable())
    if is_not_there(error):
        log.error("database.other_schema", error=str(error))
        return await answer_problem(request, database_unavailable(OTHER_SCHEMA))
    return await answer_bug(request, error)


async def answer_bug(request: Request, error: Exception) -> Response:
    log.error("request.failed", exc_info=error)
    detail = "something went wrong on our side; it has been logged"
    return await answer_problem(request, Problem(Code.INTERNAL_ERROR, detail))


async def answer_nobody(_request: Request, _error: Exception) -> Response:
    """The client hung up before its request was whole: there is nobody to tell."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


HANDLERS: dict[Any, Any] = {
    Problem: answer_problem,
    HTTPException: answer_http_exception,
    ClientDisconnect: answer_nobody,
    DBAPIError: answer_database_error,
    PoolTimeout: answer_database_error,
    Exception: answer_bug,
}
