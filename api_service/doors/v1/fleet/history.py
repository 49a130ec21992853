"""How the queue and the fleet were, for who looks at charts."""

from http import HTTPStatus

from pydantic import BaseModel

from api_service.doors.binding import ApiRequest
from api_service.http.operations import Answer, Nothing, Operation
from api_service.overview.history import HistoryPeriod, HistoryView, history_of
from shared.models import Scope


class HistoryQuery(BaseModel, frozen=True, extra="forbid"):
    """An hour in steps of a minute, a day in quarters of an hour, or a month in quarters of a day."""

    period: HistoryPeriod = HistoryPeriod.HOUR


async def show_history(request: ApiRequest[Nothing, HistoryQuery]) -> HistoryView:
    """Show how many jobs waited, what servers were there, and what was stored.

    It is noted once a minute, and kept for a month.
    """
    return await request.services.read(history_of, request.query.period)


OPERATIONS = (
    Operation(
        "showHistory",
        "GET",
        "/api/v1/history",
        show_history,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(HistoryView, "how it was")},
        tag="fleet",
        query=HistoryQuery,
    ),
)
