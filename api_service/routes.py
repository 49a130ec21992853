"""Every door of this service: what is routed, and the document that describes it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from api_service.doors.comfy_v2 import errors as comfy_v2_errors
from api_service.doors.comfy_v2 import routes as comfy_v2
from api_service.doors.native import routes as native
from api_service.doors.openai import routes as openai
from api_service.doors.openai.answers import errors as openai_errors
from api_service.doors.operator import routes as operator
from api_service.doors.pages import routes as pages
from api_service.doors.v1 import documents
from api_service.doors.v1 import routes as v1
from api_service.http.description.openapi import document_of
from api_service.http.problems import Write, problem
from api_service.refusals.refusal import Refusal

OPERATIONS = (*v1.OPERATIONS, *pages.OPERATIONS, *operator.OPERATIONS)

EXAMPLES = {**v1.EXAMPLES, **pages.EXAMPLES, **operator.EXAMPLES}


@cache
def document() -> dict[str, Any]:
    """Made when it is first asked for: an API starts without it."""
    return document_of(OPERATIONS, v1.ABOUT, EXAMPLES)


ROUTES: tuple[BaseRoute, ...] = (
    *v1.ROUTES,
    *comfy_v2.ROUTES,
    *openai.ROUTES,
    *native.ROUTES,
    *operator.ROUTES,
    *pages.ROUTES,
    *documents.routes(document),
)


# How refusals are written below an address; elsewhere they are RFC 9457 problems.
FORMS: Mapping[str, Write] = {
    comfy_v2.PREFIX: comfy_v2_errors.envelope,
    openai.PREFIX: openai_errors.envelope,
}


def write_refusal(request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Response:
    """The refusal in the form of the door that was knocked at."""
    path = request.url.path
    write = next((write for prefix, write in FORMS.items() if path.startswith(prefix)), problem)
    return write(request, refusal, headers)
