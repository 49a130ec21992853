"""ComfyUI's own API, bare and under `/api`, for programs that speak it: over the same jobs as every other door."""

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from api_service.doors.native import files, fleet, history, jobs, queue, submitting, tooling, uploads
from api_service.doors.native.asking.operations import routes_under_both
from api_service.doors.native.streams import socket

NOUNS = (submitting, queue, history, jobs, files, uploads, fleet, tooling)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = (*routes_under_both(OPERATIONS), *socket.ROUTES)


def is_native(scope: Scope) -> bool:
    """Whether a request is for one of these addresses."""
    return any(route.matches(scope)[0] is not Match.NONE for route in ROUTES)
