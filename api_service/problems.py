"""Every refusal, in one form (RFC 9457) and one file: what was wrong, which field, what to do."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.database import is_unavailable
from shared.models import JobStatus

log = structlog.get_logger(__name__)

CODES = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
}


class FieldError(BaseModel, frozen=True):
    """One wrong field: its path in the body, what is wrong with it, and pydantic's word for that."""

    field: str
    message: str
    code: str


class Problem(Exception):
    """A refusal on its way to the client."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def body(self) -> "ProblemBody":
        return ProblemBody(
            title=self.status.phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors or None,
        )


class ProblemBody(BaseModel, frozen=True):
    """The body of every answer that refuses; media type `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] | None = None


def job_not_found(job_id: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "job_not_found", f"there is no job {job_id!r}")


def output_not_found(job_id: str, number: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "output_not_found", f"job {job_id} has no output {number!r}")


def thumbnail_not_found(size: str, sizes: Sequence[str], note: str | None) -> Problem:
    offered = f"there are {', '.join(sizes)}" if sizes else note or "this kind of output has none"
    return Problem(HTTPStatus.NOT_FOUND, "thumbnail_not_found", f"there is no thumbnail of size {size!r}: {offered}")


def output_gone(path: str) -> Problem:
    return Problem(HTTPStatus.GONE, "output_gone", f"the file {path} is no longer in the output store")


def job_ended(status: JobStatus) -> Problem:
    return Problem(HTTPStatus.CONFLICT, "job_ended", f"the job is {status} already and can no longer be cancelled")


def range_not_satisfiable(size: int) -> Problem:
    return Problem(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
        f"the file has {size} bytes",
        headers={"Content-Range": f"bytes */{size}"},
    )


def unsupported_media_type(given: str) -> Problem:
    return Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        f"the body must be sent as Content-Type: application/json, not {given or 'without one'}",
    )


def body_too_large(most: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"the body has more than {most} bytes",
        headers={"Connection": "close"},  # the rest of it is not read
    )


def invalid_json(error: ValidationError) -> Problem:
    message = error.errors()[0]["msg"]
    return Problem(HTTPStatus.BAD_REQUEST, "invalid_json", f"the body is not JSON: {message}")


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    named = ", ".join(dict.fromkeys(error.field for error in errors))
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_fields", f"these fields are wrong: {named}", errors=errors)


def database_unavailable() -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database_unavailable",
        "the database cannot be reached right now; nothing was changed, try again soon",
        headers={"Retry-After": "5"},
    )


async def answer_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return Response(
        error.body.model_dump_json(exclude_none=True),
        status_code=error.status,
        headers=error.headers,
        media_type="application/problem+json",
    )


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: unknown routes, wrong methods, bodies that are too large."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    problem = Problem(status, CODES.get(status, "http_error"), error.detail, headers=error.headers)
    return await answer_problem(request, problem)


async def answer_database_error(request: Request, error: Exception) -> Response:
    """The database is away: 503. It refused what we asked: our mistake, 500."""
    if isinstance(error, PoolTimeout) or is_unavailable(error):
        log.warning("database.unavailable", error=str(error))
        return await answer_problem(request, database_unavailable())
    return await answer_bug(request, error)


async def answer_bug(request: Request, error: Exception) -> Response:
    log.error("request.failed", exc_info=error)
    detail = "something went wrong on our side; it has been logged"
    return await answer_problem(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail))


HANDLERS: dict[Any, Any] = {
    Problem: answer_problem,
    HTTPException: answer_http_exception,
    DBAPIError: answer_database_error,
    PoolTimeout: answer_database_error,
    Exception: answer_bug,
}
