"""Tickets, for browsers: they open one stream where no header can be sent."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.streams.views import TicketView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from shared.models import Scope


async def issue_ticket(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Get a ticket for one stream.

    For browsers, which cannot send headers with a WebSocket or EventSource: open the stream with `?ticket=` within a
    minute. The ticket has the rights of the key that asked for it, and ends with that key. The first try uses it up;
    only the EventSource that it opened may use it again, to go on with the same stream after a pause of up to a minute,
    for a day at most.
    """
    made = await request.services.run(request.services.tickets.issue, request.identity)
    view = TicketView(ticket=made.ticket, expires_at=made.expires_at)
    return answer_with(view, HTTPStatus.CREATED, **{"Cache-Control": "no-store"})


OPERATIONS = (
    Operation(
        "createStreamTicket",
        "POST",
        "/api/v1/stream-tickets",
        issue_ticket,
        Scope.READ,
        {HTTPStatus.CREATED: Answer(TicketView, "the ticket", headers={"Cache-Control": "`no-store`"})},
        tag="streams",
    ),
)
