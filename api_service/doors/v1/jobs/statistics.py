"""Statistics of jobs: how many, how they ended, how long they took."""

from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, Field

from api_service.doors.binding import ApiRequest
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.statistics import StatisticsView, statistics_of
from api_service.jobs.whose import owner_asked_for
from shared.jobs.listing.filters import WhoseJobs
from shared.jobs.urls import JOBS
from shared.models import Scope


class StatisticsQuery(BaseModel, frozen=True, extra="forbid"):
    """Of how many days, today being one; `user_id` is for admins: another user's, or `all`."""

    days: Annotated[int, Field(ge=1, le=366)] = 30
    user_id: WhoseJobs | None = None


async def show_statistics(request: ApiRequest[Nothing, StatisticsQuery]) -> StatisticsView:
    """Count jobs by status and by day, and say how long they took.

    Days are those on which jobs were accepted, in UTC.
    """
    owner = owner_asked_for(request.identity, request.query.user_id)
    return await request.services.read(statistics_of, owner, request.query.days)


OPERATIONS = (
    Operation(
        "showStatistics",
        "GET",
        f"{JOBS}/stats",
        show_statistics,
        Scope.READ,
        {HTTPStatus.OK: Answer(StatisticsView, "the counts and durations")},
        tag="jobs",
        query=StatisticsQuery,
    ),
)
