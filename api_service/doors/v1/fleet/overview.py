"""The work at a glance, for those who look at a queue: one's own, or for an admin everybody's."""

from http import HTTPStatus

from pydantic import BaseModel

from api_service.doors.binding import ApiRequest
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.whose import owner_asked_for
from api_service.overview.overview import OverviewView, Period, overview_of
from shared.jobs.listing.filters import WhoseJobs
from shared.models import Scope


class OverviewQuery(BaseModel, frozen=True, extra="forbid"):
    """What `ended` covers: an hour in steps of a minute, or a day in quarters of an hour; `user_id` is for admins:
    another user's jobs, or `all`."""

    period: Period = Period.HOUR
    user_id: WhoseJobs | None = None


async def show_overview(request: ApiRequest[Nothing, OverviewQuery]) -> OverviewView:
    """Show who waits and how long, what runs, and how many jobs ended lately.

    Everybody's is found once a second, however many look at it, and less often where it takes long: `at` says when.
    """
    services, period = request.services, request.query.period
    owner = owner_asked_for(request.identity, request.query.user_id)
    if owner is None:
        found: OverviewView = await services.overviews[period].get()
        return found
    return await services.read(overview_of, owner, period)


OPERATIONS = (
    Operation(
        "showOverview",
        "GET",
        "/api/v1/overview",
        show_overview,
        Scope.READ,
        {HTTPStatus.OK: Answer(OverviewView, "the work at a glance")},
        tag="fleet",
        query=OverviewQuery,
    ),
)
