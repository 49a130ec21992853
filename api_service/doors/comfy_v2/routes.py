"""What `/api/v2` offers: the Comfy API, over the same jobs as `/api/v1`."""

from starlette.routing import BaseRoute

from api_service.doors.comfy_v2 import events, jobs, lists, submissions
from api_service.doors.comfy_v2.assets import assets, uploads
from api_service.doors.comfy_v2.callers import DOOR
from api_service.doors.comfy_v2.names import places
from api_service.http.operations import routes_of

PREFIX = places.PREFIX
NOUNS = (submissions, lists, jobs, events, uploads, assets)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = tuple(routes_of(OPERATIONS, DOOR))
