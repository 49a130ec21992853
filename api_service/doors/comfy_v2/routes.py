"""What `/api/v2` offers: the Comfy API, over the same jobs as `/api/v1`."""

from functools import cache
from typing import Any

from starlette.routing import BaseRoute

from api_service.doors.comfy_v2 import events, jobs, lists, submissions
from api_service.doors.comfy_v2.assets import assets, uploads
from api_service.doors.comfy_v2.documents import ABOUT, REFUSALS
from api_service.doors.comfy_v2.examples import EXAMPLES
from api_service.doors.comfy_v2.names import places
from api_service.doors.comfy_v2.names.callers import DOOR
from api_service.http.description.openapi import document_of
from api_service.http.description.serving import document_route
from api_service.http.operations import routes_of

PREFIX = places.PREFIX
NOUNS = (submissions, lists, jobs, events, uploads, assets)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)


@cache
def document() -> dict[str, Any]:
    """Made when it is first asked for: an API starts without it."""
    return document_of(OPERATIONS, ABOUT, EXAMPLES, REFUSALS)


ROUTES: tuple[BaseRoute, ...] = (
    document_route(f"{PREFIX}openapi.json", document),
    *routes_of(OPERATIONS, DOOR),
)
