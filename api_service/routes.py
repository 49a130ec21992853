"""Every door of this service: what is routed, and the document that describes it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from api_service.doors.comfy_v2 import routes as comfy_v2
from api_service.doors.comfy_v2.errors import envelope
from api_service.doors.native import routes as native
from api_service.doors.operator import routes as operator
from api_service.doors.v1 import documents
from api_service.doors.v1 import routes as v1
from api_service.http.description.openapi import document_of
from api_service.http.problems import problem
from api_service.refusals.refusal import Refusal

OPERATIONS = (*v1.OPERATIONS, *operator.OPERATIONS)

EXAMPLES = {**v1.EXAMPLES, **operator.EXAMPLES}


@cache
def document() -> dict[str, Any]:
    """Made when it is first asked for: an API starts without it."""
    return document_of(OPERATIONS, v1.ABOUT, EXAMPLES)


ROUTES: tuple[BaseRoute, ...] = (
    *v1.ROUTES,
    *comfy_v2.ROUTES,
    *native.ROUTES,
    *operator.ROUTES,
    *documents.routes(document),
)


def write_refusal(request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Response:
    """The refusal in the form of the door that was knocked at."""
    write = envelope if request.url.path.startswith(comfy_v2.PREFIX) else problem
    return write(request, refusal, headers)
