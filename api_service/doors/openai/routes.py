"""What `/v1` offers: OpenAI's images API, over the same jobs as `/api/v1`."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from api_service.doors.binding import DOOR
from api_service.doors.openai import edits, generations, models
from api_service.doors.openai.asking import places
from api_service.doors.openai.documents import ABOUT, REFUSALS
from api_service.doors.openai.examples import EXAMPLES
from api_service.http.description.openapi import document_of
from api_service.http.operations import PathRoute, routes_of

PREFIX = places.PREFIX
NOUNS = (generations, edits, models)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

DOCUMENT = document_of(OPERATIONS, ABOUT, EXAMPLES, REFUSALS)
CONTENT = json.dumps(DOCUMENT, ensure_ascii=False).encode()


async def openapi(_request: Request) -> Response:
    return Response(CONTENT, media_type="application/json")


ROUTES: tuple[BaseRoute, ...] = (
    PathRoute(f"{PREFIX}openapi.json", openapi, methods=["GET"]),
    *routes_of(OPERATIONS, DOOR),
)
