"""How an OpenAPI document describes the refusals of a door; for most, as RFC 9457 problems."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel

from api_service.http.problems import STATUSES, TEXTS, ProblemBody, problem_example
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code


class Refusals(NamedTuple):
    """How a door refuses: in which form, with which status, what each code means, and how it looks.

    Every operation may refuse with `of_all`; one that needs a key also with `of_keys`, one with a body with
    `of_bodies`.
    """

    model: type[BaseModel]
    media_type: str
    status: Callable[[StrEnum], HTTPStatus]
    text: Callable[[StrEnum], str]
    example: Callable[[StrEnum], Mapping[str, Any]]
    of_bodies: Sequence[StrEnum]
    of_all: Sequence[StrEnum] = (RequestCode.INVALID_QUERY, Code.INTERNAL_ERROR)
    of_keys: Sequence[StrEnum] = (
        Code.UNAUTHENTICATED,
        Code.FORBIDDEN,
        Code.RATE_LIMITED,
        Code.DATABASE_UNAVAILABLE,
    )


PROBLEMS = Refusals(
    ProblemBody,
    "application/problem+json",
    STATUSES.__getitem__,
    lambda code: f"`{code}`: {TEXTS[code]}",
    problem_example,
    of_bodies=(
        RequestCode.INVALID_JSON,
        RequestCode.BODY_TOO_DEEP,
        RequestCode.BODY_TOO_LARGE,
        RequestCode.UNSUPPORTED_MEDIA_TYPE,
        Code.INVALID_FIELDS,
    ),
)
