"""The one who asks: the user, the key and its limits."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.accounts.views import MeView
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.limits.usage import usage_of


async def show(request: ApiRequest[Nothing, Nothing]) -> MeView:
    """Show who is asking: the user, the key, its limits, and what the user has of them."""
    services = request.services
    return MeView.of(await services.run(usage_of, services.engine, services.limits, request.identity))


OPERATIONS = (
    Operation(
        "showMe",
        "GET",
        "/api/v1/me",
        show,
        Access.ANY_KEY,
        {HTTPStatus.OK: Answer(MeView, "the user and the key")},
        tag="accounts",
    ),
)
