"""What WebSockets and server-sent events have in common: who listens, by which right, and when nobody does."""

from api_service.accounts.identity import Identity
from api_service.doors.binding import JobsWebSocket, by_key_or_ticket
from api_service.refusals.accounts import forbidden
from api_service.streams.tickets import TicketIdentity
from api_service.streams.watch import Holder
from shared.models import Scope


async def admit(websocket: JobsWebSocket) -> Identity:
    """Who listens, by key or by ticket. Raises Refusal for neither, for too many requests, and without the scope."""
    websocket.state.identity = identity = await by_key_or_ticket(websocket)
    await websocket.state.services.limits.begin(identity)
    if not identity.may(Scope.READ):
        raise forbidden(Scope.READ)
    return identity


def holder_of(identity: Identity) -> Holder:
    """By which right the stream stays open."""
    if isinstance(identity, TicketIdentity):
        return Holder(identity.key_id, identity.ticket_hash, identity.connection, identity.user_id)
    return Holder(identity.key_id, user_id=identity.user_id)
