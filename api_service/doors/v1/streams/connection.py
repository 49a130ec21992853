"""What WebSockets and server-sent events have in common: who listens, by which right, and when nobody does."""

from typing import Any

import anyio
from starlette.requests import HTTPConnection
from starlette.types import Receive

from api_service.accounts.identity import Identity
from api_service.accounts.tickets import TicketIdentity
from api_service.refusals.accounts import forbidden
from api_service.services import Services
from api_service.streams.watch import Holder
from shared.models import Scope


async def identify(services: Services, connection: HTTPConnection[Any]) -> Identity:
    """Who listens, by key or by ticket. Raises Refusal: 401 for neither, 429 for too many requests, 403 for a key
    that may not read."""
    identity = await services.identify_stream(connection)
    await services.limits.count_request(identity)
    if not identity.may(Scope.READ):
        raise forbidden(Scope.READ)
    return identity


def holder_of(identity: Identity) -> Holder:
    """By which right the stream stays open."""
    if isinstance(identity, TicketIdentity):
        return Holder(identity.key_id, identity.ticket_hash, identity.connection)
    return Holder(identity.key_id)


async def stop_when_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel the work for a client once it has gone. Messages it sends are ignored."""
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass
    scope.cancel()
