"""How the Comfy API knows its callers: by Authorization, or by X-API-Key."""

from typing import Any

from starlette.requests import HTTPConnection

from api_service.accounts.identity import Identity
from api_service.doors.binding import by_key_or_url, count, identified, settle
from api_service.http.operations import Door
from api_service.http.server.key_headers import authorization_in


async def by_either_header(connection: HTTPConnection[Any]) -> Identity:
    """The identity behind the key. Raises Refusal."""
    return await identified(connection, authorization_in(connection.headers))


async def by_either_header_or_url(connection: HTTPConnection[Any]) -> Identity:
    """The identity that asks for a file: behind the key, or else by the URL's signature. Raises Refusal."""
    keyed = authorization_in(connection.headers) is not None
    return await (by_either_header if keyed else by_key_or_url)(connection)


DOOR = Door(by_either_header, count, settle)
