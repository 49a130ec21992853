"""What the OpenAPI document of `/api/v2` says of the API as a whole, and of its refusals."""

from enum import StrEnum
from http import HTTPStatus
from typing import Any

from api_service.doors.comfy_v2.errors import FORMS, OTHER, EnvelopeView, ErrorView, Form
from api_service.doors.comfy_v2.names.codes import MEANT
from api_service.http.description.openapi import About
from api_service.http.description.refusals import Refusals
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code

DESCRIPTION = """
The Comfy API v2, the contract of Comfy's own SDKs, over the same jobs, assets and keys as `/api/v1`.

Where the contract leaves room, `docs/comfy-v2.md` says what this service does.
""".strip()

KEYS = """
A key of this service, which begins with `gn_`. It may also be sent as `X-API-Key`.
""".strip()

ABOUT = About("Comfy API v2 at Genonaut Generation", DESCRIPTION, KEYS, header="X-API-Key")


def form_of(code: StrEnum) -> Form:
    return FORMS.get(code, OTHER)


def status_of(code: StrEnum) -> HTTPStatus:
    return form_of(code).status


def text_of(code: StrEnum) -> str:
    return f"`{form_of(code).code}`: {MEANT[form_of(code).code]}"


def example_of(code: StrEnum) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    form = form_of(code)
    error = ErrorView(code=form.code, message=form.says or MEANT[form.code], details=None)
    return EnvelopeView(error=error).model_dump(mode="json")


REFUSALS = Refusals(
    EnvelopeView,
    "application/json",
    status_of,
    text_of,
    example_of,
    of_bodies=(
        RequestCode.INVALID_JSON,
        RequestCode.BODY_TOO_LARGE,
        RequestCode.UNSUPPORTED_MEDIA_TYPE,
        Code.INVALID_FIELDS,
    ),
)
