"""What the OpenAPI document of `/v1` says of the API as a whole, and of its refusals."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from api_service.doors.openai.answers.codes import MEANT
from api_service.doors.openai.answers.errors import EnvelopeView, ErrorView, shown_code, status_of, type_of
from api_service.http.description.openapi import About
from api_service.http.description.refusals import Refusals
from api_service.http.problems import TEXTS
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code

DESCRIPTION = """
OpenAI's images API, over the same jobs, assets and keys as `/api/v1`: what its official clients send and read.

`docs/openai.md` says what is otherwise here.
""".strip()

KEYS = """
A key of this service, which begins with `gn_`.
""".strip()

ABOUT = About("OpenAI's images API at Genonaut Generation", DESCRIPTION, KEYS)

MEANINGS: Mapping[StrEnum, str] = {**TEXTS, **MEANT}


def text_of(code: StrEnum) -> str:
    return f"`{shown_code(code)}`: {MEANINGS[code]}"


def example_of(code: StrEnum) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    error = ErrorView(message=MEANINGS[code], type=type_of(status_of(code)), param=None, code=shown_code(code))
    return EnvelopeView(error=error).model_dump(mode="json", exclude_unset=True)


REFUSALS = Refusals(
    EnvelopeView,
    "application/json",
    status_of,
    text_of,
    example_of,
    of_bodies=(
        RequestCode.INVALID_JSON,
        RequestCode.BODY_TOO_DEEP,
        RequestCode.BODY_TOO_LARGE,
        RequestCode.UNSUPPORTED_MEDIA_TYPE,
        Code.INVALID_FIELDS,
    ),
)
