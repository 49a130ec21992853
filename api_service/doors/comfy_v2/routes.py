"""What `/api/v2` offers: the Comfy API, over the same jobs as `/api/v1`."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from api_service.doors.comfy_v2 import events, jobs, lists, submissions
from api_service.doors.comfy_v2.assets import assets, uploads
from api_service.doors.comfy_v2.documents import ABOUT, REFUSALS
from api_service.doors.comfy_v2.examples import EXAMPLES
from api_service.doors.comfy_v2.names import places
from api_service.doors.comfy_v2.names.callers import DOOR
from api_service.http.description.openapi import document_of
from api_service.http.operations import PathRoute, routes_of

PREFIX = places.PREFIX
NOUNS = (submissions, lists, jobs, events, uploads, assets)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

DOCUMENT = document_of(OPERATIONS, ABOUT, EXAMPLES, REFUSALS)
CONTENT = json.dumps(DOCUMENT, ensure_ascii=False).encode()


async def openapi(_request: Request) -> Response:
    return Response(CONTENT, media_type="application/json")


ROUTES: tuple[BaseRoute, ...] = (
    PathRoute(f"{PREFIX}openapi.json", openapi, methods=["GET"]),
    *routes_of(OPERATIONS, DOOR),
)
