"""What all streams of server-sent events have in common: how one begins, where it goes on, and how it is described."""

import json
from collections.abc import Mapping
from typing import Any

from api_service.accounts.identity import Identity
from api_service.doors.binding import ApiRequest
from api_service.http.operations import Answer
from api_service.http.request_refusals import invalid_query
from api_service.http.streams.event_stream import SendText
from api_service.http.streams.stream_tickets import LAST_EVENT_ID
from api_service.refusals.refusal import FieldError
from api_service.streams.tickets import TicketIdentity
from api_service.streams.timings import StreamTimings
from shared.jobs.urls import number_in

GOES_ON_BY = {LAST_EVENT_ID: "the id of the last event that came; an EventSource sends it by itself"}


async def send_opening(request: ApiRequest[Any, Any], after: int, send: SendText) -> None:
    """Send what each stream begins with. `after` is the number of the last event that the client has."""
    await send(f"retry: {request.services.timings.reconnect_after_ms}\n\n")
    if isinstance(request.identity, TicketIdentity):
        # An event, for not every browser takes an id that comes without one.
        await send(as_text("opened", {}, id_of(request.identity, after)))


def number_of(last_event_id: str, largest: int) -> int:
    """The number that the header `Last-Event-ID` names. Raises Refusal: invalid_query."""
    number = number_in(last_event_id, largest)
    if number is None:
        raise invalid_query([FieldError(field=LAST_EVENT_ID, message="Input should be a number", code="int_parsing")])
    return number


def id_of(identity: Identity, number: int) -> str:
    """The id of an event; with the secret by which a ticket is used again, for who came with one."""
    return f"{number}-{identity.resume_secret}" if isinstance(identity, TicketIdentity) else f"{number}"


def last_number(request: ApiRequest[Any, Any], largest: int) -> int | None:
    """The number of the last event that the client has, without the secret behind it: the header's, or that of the
    query. Raises Refusal: invalid_query."""
    header = request.http.headers.get(LAST_EVENT_ID)
    given: int | None = request.query.last_event_id
    return number_of(header.partition("-")[0], largest) if header else given


def as_text(name: str, data: Mapping[str, str], event_id: str | None = None) -> str:
    """An event of the stream itself, and of no job."""
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n"


def stream_of(what: str) -> Answer:
    """The answer of an operation that sends such events."""
    return Answer(
        None,
        f"{what}; a comment after {StreamTimings.comment_after_s:.0f} seconds without one",
        media_types=("text/event-stream",),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no: proxies are not to hold it back"},
    )
