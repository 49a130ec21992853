"""Pauses: no job starts, or none of one user, until an admin resumes."""

from http import HTTPStatus
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.accounts.bodies import user_id_in
from api_service.http.bodies import read_optional_json
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.waiting import pausing
from api_service.jobs.waiting.pausing import OperatorPauseView, PausesView
from api_service.refusals.codes import Code
from shared.models import Scope
from shared.workflows.parameters import without_nul

QUEUE = "/api/v1/queue"
USER = "/api/v1/users/{user_id}"


class PauseBody(BaseModel, frozen=True, extra="forbid"):
    """`reason` is shown to those whose jobs wait. Without one the body may be left out."""

    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(without_nul)] | None = None


async def show(request: ApiRequest[Nothing, Nothing]) -> PausesView:
    """Show what is paused, since when, by whom and why."""
    return await request.services.run(pausing.all_pauses, request.services.engine)


async def pause_queue(request: ApiRequest[PauseBody, Nothing]) -> OperatorPauseView:
    """Start no job.

    Jobs are accepted and wait; those that run go on. Asking again changes the reason, and not since when.
    """
    services, operator = request.services, request.identity.user_id
    return await services.run(pausing.pause, services.messenger, None, request.body.reason, operator)


async def resume_queue(request: ApiRequest[Nothing, Nothing]) -> PausesView:
    """Start jobs again.

    Users who are paused stay so. Asking twice is the same as asking once.
    """
    services = request.services
    return await services.run(pausing.resume, services.messenger, None, services.settings.sharing)


async def pause_user(request: ApiRequest[PauseBody, Nothing]) -> OperatorPauseView:
    """Start no job of a user.

    Their jobs are accepted and wait; those that run go on. Asking again changes the reason, and not since when.
    """
    services, operator, user_id = request.services, request.identity.user_id, user_id_in(request.path)
    return await services.run(pausing.pause, services.messenger, user_id, request.body.reason, operator)


async def resume_user(request: ApiRequest[Nothing, Nothing]) -> PausesView:
    """Start jobs of a user again.

    Asking twice is the same as asking once.
    """
    services, user_id = request.services, user_id_in(request.path)
    return await services.run(pausing.resume, services.messenger, user_id, services.settings.sharing)


PAUSED = {HTTPStatus.OK: Answer(OperatorPauseView, "the pause")}
RESUMED = {HTTPStatus.OK: Answer(PausesView, "what is still paused")}

OPERATIONS = (
    Operation(
        "showPauses",
        "GET",
        f"{QUEUE}/pauses",
        show,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(PausesView, "what is paused")},
        tag="queue",
    ),
    Operation(
        "pauseQueue",
        "POST",
        f"{QUEUE}/pause",
        pause_queue,
        Scope.ADMIN,
        PAUSED,
        tag="queue",
        body=PauseBody,
        read=read_optional_json,
    ),
    Operation("resumeQueue", "POST", f"{QUEUE}/resume", resume_queue, Scope.ADMIN, RESUMED, tag="queue"),
    Operation(
        "pauseUser",
        "POST",
        f"{USER}/pause",
        pause_user,
        Scope.ADMIN,
        PAUSED,
        tag="queue",
        body=PauseBody,
        read=read_optional_json,
        problems=(Code.USER_NOT_FOUND,),
    ),
    Operation(
        "resumeUser",
        "POST",
        f"{USER}/resume",
        resume_user,
        Scope.ADMIN,
        RESUMED,
        tag="queue",
        problems=(Code.USER_NOT_FOUND,),
    ),
)
