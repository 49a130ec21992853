"""Where a stream's ticket is found in a request, and which stream it opens."""

import re
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection

from api_service.accounts.identity import Identity
from api_service.refusals.accounts import unauthenticated
from api_service.streams.tickets import Tickets

KEY_NAMES = {"key", "api_key", "apikey", "token", "access_token", "authorization"}
LAST_EVENT_ID = "Last-Event-ID"
RESUMABLE_ID = re.compile(r"(?P<sequence>\d{1,19})-(?P<secret>[0-9a-f]{32})")
# Parameters that do not say which stream it is.
NOT_OF_THE_STREAM = {"ticket", "last_event_id"}


def ticket_in(connection: HTTPConnection[Any]) -> str | None:
    """The ticket that a stream is to be opened with; None for one with a key. Raises Refusal: unauthenticated."""
    refuse_keys(connection.query_params)
    sent = connection.query_params.getlist("ticket")
    if "authorization" in connection.headers or not sent:
        return None
    if len(sent) > 1:
        raise unauthenticated("more than one ticket was sent")
    return sent[0]


def refuse_keys(query: QueryParams) -> None:
    """Raises Refusal for a key in a URL, even a good one: URLs are written to logs and histories."""
    for name, value in query.multi_items():
        if name.lower() in KEY_NAMES or value.lstrip().startswith(("gn_", "Bearer ")):
            raise unauthenticated("keys are not taken from URLs, and one that was in a URL should be revoked")


def identify_by_ticket(tickets: Tickets, ticket: str, connection: HTTPConnection[Any]) -> Identity:
    """Who opens or resumes a stream with a ticket. Raises Refusal: unauthenticated."""
    if connection.scope["type"] == "websocket":
        return tickets.redeem(ticket)
    if last := RESUMABLE_ID.fullmatch(connection.headers.get(LAST_EVENT_ID, "")):
        return tickets.resume(ticket, stream_of(connection), last["secret"])
    return tickets.open(ticket, stream_of(connection))


def stream_of(connection: HTTPConnection[Any]) -> str:
    """Which stream it is: its path, and the parameters that choose its events."""
    chosen = sorted(pair for pair in connection.query_params.multi_items() if pair[0] not in NOT_OF_THE_STREAM)
    return f"{connection.scope['path']}?{urlencode(chosen)}"
