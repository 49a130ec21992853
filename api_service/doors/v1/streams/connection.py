"""What WebSockets and server-sent events have in common: who listens, for how long, and how it ends."""

import anyio
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive

from api_service.accounts.keyring import Identity
from api_service.accounts.tickets import identify_stream
from api_service.limits.enforce import count_request
from api_service.refusals.problems import forbidden
from api_service.services import Services
from shared.models import Scope

SEND_S = 10.0  # a watcher that takes longer to take one event is too slow
HUNG_UP_S = 5.0  # how long a watcher that was too slow has to take the reason

STOPPING = "service restart"
TOO_SLOW = "the events were not read fast enough"


async def identify(services: Services, headers: Headers, query: QueryParams) -> Identity:
    """Who listens, by key or by ticket. Raises Problem: 401 for neither, 429 for too many requests, 403 for one that
    may not read."""
    identity = await identify_stream(services, headers, query)
    await count_request(services, identity)
    if not identity.may(Scope.READ):
        raise forbidden(Scope.READ)
    return identity


async def stop_when_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    """Stop what is done for a client once it has gone. What it says meanwhile is not for us."""
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass
    scope.cancel()
