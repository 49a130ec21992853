"""What WebSockets and server-sent events have in common: who listens, for how long, and how it ends."""

from collections.abc import Mapping

from starlette.datastructures import Headers

from api_service.authentication import Identity
from api_service.problems import forbidden
from api_service.state import Services
from shared.models import Scope

SEND_S = 10.0  # a watcher that takes longer to take one event is too slow
HUNG_UP_S = 5.0  # how long a watcher that was too slow has to take the reason

STOPPING = "service restart"
TOO_SLOW = "the events were not read fast enough"


async def identify(services: Services, headers: Headers, _query: Mapping[str, str]) -> Identity:
    """Who listens. Raises Problem: 401 for an unknown key, 403 for one that may not read."""
    identity = await services.run(services.keyring.identify, headers.get("authorization"))
    if not identity.may(Scope.READ):
        raise forbidden(Scope.READ)
    return identity
