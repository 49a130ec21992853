"""How the Comfy API knows its callers: by Authorization, or by X-API-Key."""

from typing import Any

from starlette.requests import HTTPConnection

from api_service.accounts.identity import Identity
from api_service.doors.binding import count, identified, settle
from api_service.http.operations import Door
from api_service.http.server.key_headers import authorization_in


async def by_either_header(connection: HTTPConnection[Any]) -> Identity:
    """The identity behind the key. Raises Refusal."""
    return await identified(connection, authorization_in(connection.headers))


DOOR = Door(by_either_header, count, settle)
