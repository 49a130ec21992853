"""Schedules: made, listed, shown, changed, deleted, and run now."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.jobs.accepting import ACCEPTED, PATIENT, PROBLEMS, answer_accepted, submission
from api_service.doors.v1.schedules.bodies import ScheduleBody, ScheduleChange, schedule_id_in, values_of
from api_service.doors.v1.schedules.views import (
    SCHEDULES,
    ListedScheduleView,
    NotedScheduleView,
    SchedulesView,
    ScheduleView,
)
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.refusals.codes import Code
from api_service.schedules import schedules
from api_service.schedules.history import past_of
from api_service.schedules.running import run_now
from shared.models import Schedule, Scope


async def create(request: ApiRequest[ScheduleBody, Nothing]) -> Response:
    """Make a schedule.

    Its job is held to every rule now, as if it were submitted; each time that `cron` names, one is made of it, with
    fresh seeds wherever it has a seed of -1. They count as jobs of the user, and are listed with
    `GET /api/v1/generation-jobs/?schedule=`.
    """
    services, identity = request.services, request.identity
    values, notes = await values_of(request, identity.user_id)
    made = await services.run(schedules.create_schedule, services.engine, identity, values)
    headers = {"Location": f"{SCHEDULES}/{made.id}"}
    return await answer_noted(request, made, notes, HTTPStatus.CREATED, headers)


async def list_all(request: ApiRequest[Nothing, Nothing]) -> SchedulesView:
    """List the caller's own schedules, the oldest first."""
    services = request.services
    found = await services.run(schedules.list_schedules, services.engine, request.identity.user_id)
    past = await services.run(past_of, services.engine, found)
    return SchedulesView(items=[ListedScheduleView.of(one, past[one.id]) for one in found])


async def show(request: ApiRequest[Nothing, Nothing]) -> ScheduleView:
    """Show a schedule."""
    services, schedule_id = request.services, schedule_id_in(request.path)
    found = await services.run(schedules.find_schedule, services.engine, schedule_id, request.identity.owner)
    past = await services.run(past_of, services.engine, [found])
    return ScheduleView.whole(found, past[found.id])


async def change(request: ApiRequest[ScheduleChange, Nothing]) -> Response:
    """Change, pause or resume a schedule.

    What is absent stays as it is. One that is resumed goes on with its next time, and makes up for none. A `job` is
    held to every rule now. The limits of the key that changes a schedule are those of its jobs from now on.
    """
    services, schedule_id = request.services, schedule_id_in(request.path)
    found = await services.run(schedules.find_schedule, services.engine, schedule_id, request.identity.owner)
    values, notes = await values_of(request, found.user_id)
    changed = await services.run(schedules.change_schedule, services.engine, request.identity, schedule_id, values)
    return await answer_noted(request, changed, notes, HTTPStatus.OK, {})


async def delete(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Delete a schedule.

    Its jobs stay, and those that have not ended go on.
    """
    services, schedule_id = request.services, schedule_id_in(request.path)
    await services.run(schedules.delete_schedule, services.engine, schedule_id, request.identity.owner)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def run(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Run a schedule now.

    One job is made whatever its time is, also while it is paused and while an earlier job has not ended. Its next
    planned run stays as it is.
    """
    accepted = await run_now(request.services.acceptance, schedule_id_in(request.path), await submission(request))
    return await answer_accepted(request, accepted)


async def answer_noted(
    request: ApiRequest[ScheduleBody, Nothing] | ApiRequest[ScheduleChange, Nothing],
    schedule: Schedule,
    notes: Sequence[str],
    status: HTTPStatus,
    headers: Mapping[str, str],
) -> Response:
    past = await request.services.run(past_of, request.services.engine, [schedule])
    return answer_with(NotedScheduleView.noted(schedule, past[schedule.id], notes), status, **headers)


ONE = f"{SCHEDULES}/{{schedule_id}}"
NOT_FOUND = (Code.SCHEDULE_NOT_FOUND,)

OPERATIONS = (
    Operation(
        "createSchedule",
        "POST",
        SCHEDULES,
        create,
        Scope.WRITE,
        {HTTPStatus.CREATED: Answer(NotedScheduleView, "the schedule", headers={"Location": "where the schedule is"})},
        tag="schedules",
        body=ScheduleBody,
        problems=(Code.QUOTA_EXCEEDED, Code.STORAGE_UNAVAILABLE),
    ),
    Operation(
        "listSchedules",
        "GET",
        SCHEDULES,
        list_all,
        Scope.READ,
        {HTTPStatus.OK: Answer(SchedulesView, "the caller's schedules")},
        tag="schedules",
    ),
    Operation(
        "showSchedule",
        "GET",
        ONE,
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(ScheduleView, "the schedule")},
        tag="schedules",
        problems=NOT_FOUND,
    ),
    Operation(
        "changeSchedule",
        "PATCH",
        ONE,
        change,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(NotedScheduleView, "the schedule as it is now")},
        tag="schedules",
        body=ScheduleChange,
        problems=(*NOT_FOUND, Code.QUOTA_EXCEEDED, Code.STORAGE_UNAVAILABLE),
    ),
    Operation(
        "deleteSchedule",
        "DELETE",
        ONE,
        delete,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the schedule is gone", media_types=())},
        tag="schedules",
        problems=NOT_FOUND,
    ),
    Operation(
        "runSchedule",
        "POST",
        f"{ONE}/run",
        run,
        Scope.WRITE,
        ACCEPTED,
        tag="schedules",
        problems=(*PROBLEMS, *NOT_FOUND, Code.SCHEDULE_NOT_RUNNABLE),
        request_headers=PATIENT,
        submits=True,
    ),
)
