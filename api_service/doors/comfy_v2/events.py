"""A job, live: its state as it is, and then each change, as server-sent events."""

from functools import partial
from http import HTTPStatus

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.comfy_v2.following import Following
from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.doors.comfy_v2.names.places import JOBS, AnyQuery, job_in
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.streams.event_stream import EventStream, Follower, SendText, as_comment
from api_service.jobs.job_queries import find_job
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_not_found
from api_service.streams.watch import StreamEnded
from shared.models import Scope

log = structlog.get_logger(__name__)


async def follow(request: ApiRequest[Nothing, AnyQuery]) -> Response:
    """Follow a job. The stream ends after the terminal `status`."""
    services, identity = request.services, request.identity
    job = await services.run(find_job, services.engine, job_in(request.path), identity.owner)
    if job is None:
        raise job_not_found("")
    return EventStream(
        Follower(
            partial(send_all, Following(request, job)),
            partial(services.limits.open_stream, identity),
            services.timings.send_timeout_s,
        )
    )


async def send_all(following: Following, write: SendText) -> str:
    """Send the client everything until the job has ended. Returns what to send last: a client that finds no terminal
    `status` asks for the job, and connects again."""
    try:
        await following.send_events(write)
    except (StreamEnded, TimeoutError) as why:
        return as_comment(type(why).__name__)
    except SQLAlchemyError as error:
        log.warning("events.no_rows", job_id=following.job.id, error=str(error))
    return ""


OPERATIONS = (
    Operation(
        "getJobEvents",
        "GET",
        f"{JOBS}/{{id}}/events",
        follow,
        Scope.READ,
        {HTTPStatus.OK: Answer(None, "the events as they happen", media_types=("text/event-stream",))},
        tag="jobs",
        query=AnyQuery,
        problems=(Code.JOB_NOT_FOUND, ComfyCode.TOO_MANY_STREAMS),
    ),
)
