"""A job, live, as server-sent events: each event once, from whichever the client has last."""

import asyncio
import contextlib
from http import HTTPStatus

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from api_service.doors.binding import ApiRequest, by_key_or_ticket
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.doors.v1.streams.closings import KEY_ENDED, RESUMED, STOPPING, TOO_SLOW
from api_service.doors.v1.streams.event_follower import EventFollower, as_comment, as_text
from api_service.doors.v1.streams.event_follower import Send as SendText
from api_service.doors.v1.streams.queries import EventsQuery
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import invalid_query
from api_service.http.server.hang_up import stop_when_hung_up
from api_service.http.stream_tickets import LAST_EVENT_ID, RESUMABLE_ID
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_not_found
from api_service.refusals.refusal import FieldError
from api_service.streams import stream_queries
from api_service.streams.tickets import TicketIdentity
from api_service.streams.timings import StreamTimings
from api_service.streams.watch import KeyEnded, Resumed, ServerStops, TooSlow
from shared.jobs.urls import JOBS, number_in
from shared.models import Scope

log = structlog.get_logger(__name__)

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def follow(request: ApiRequest[Nothing, EventsQuery]) -> Response:
    """Follow a job by server-sent events.

    The id of an event is its `sequence`. First come the events after `Last-Event-ID`, or all events without one, then
    each as it happens. Progress and previews have no id: they are sent as they happen, and not again. The name of an
    event is its type, its data is JSON. The stream ends after `completed`, `failed`, `cancelled`, `expired` or
    `deleted`; a client that asks again after that is answered 204, which ends an EventSource for good.

    With `?ticket=`, an id is the `sequence`, a hyphen, and a secret: whoever sends that id back, as an EventSource does
    when it connects again, may use the same ticket for the same stream once more.
    """
    services, job_id, owner = request.services, job_id_in(request.path), request.identity.owner
    after = last_event_id(request)
    found = await services.run(stream_queries.events_of, services.engine, job_id, owner, after)
    if found is None:
        raise job_not_found(str(job_id))
    job, events = found
    if job.status.is_final and not events:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
    # A client that claims an id which the job has not reached yet would wait for ever.
    return EventStream(EventFollower(request, job_id, min(after, job.events)))


def last_event_id(request: ApiRequest[Nothing, EventsQuery]) -> int:
    """The last event that the client has; 0 for none. Raises Refusal: invalid_query."""
    header = request.http.headers.get(LAST_EVENT_ID)
    if not header:
        return request.query.last_event_id or 0
    if isinstance(request.identity, TicketIdentity) and (resumed := RESUMABLE_ID.fullmatch(header)):
        header = resumed["sequence"]
    number = number_in(header)
    if number is None:
        raise invalid_query([FieldError(field=LAST_EVENT_ID, message="Input should be a number", code="int_parsing")])
    return number


class EventStream(Response):
    """An answer that goes on until the job has ended, the client has gone or does not read, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, follower: EventFollower) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.follower = follower

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        services = self.follower.request.services

        async def write(text: str, *, more: bool = True) -> None:
            async with asyncio.timeout(services.timings.send_timeout_s):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            return await write("", more=False)
        async with services.limits.open_stream(self.follower.request.identity), anyio.create_task_group() as tasks:
            await send(start)
            tasks.start_soon(stop_when_hung_up, receive, tasks.cancel_scope)
            last = await self.send_all(write)
            with contextlib.suppress(TimeoutError):
                await write(last, more=False)
            tasks.cancel_scope.cancel()
        return None

    async def send_all(self, write: SendText) -> str:
        """Send the client everything until there is no more to come. Returns what to send last."""
        try:
            await self.follower.send_events(write)
        except (TooSlow, TimeoutError):
            log.info("events.too_slow", job_id=self.follower.job_id)
            return as_comment(TOO_SLOW)
        except ServerStops:
            return as_comment(STOPPING)
        except KeyEnded:
            return as_text("closed", {"reason": KEY_ENDED})
        except Resumed:
            return as_text("closed", {"reason": RESUMED})
        except SQLAlchemyError as error:
            log.warning("events.no_rows", job_id=self.follower.job_id, error=str(error))
        return ""


OPERATIONS = (
    Operation(
        "followJob",
        "GET",
        f"{JOBS}/{{job_id}}/events",
        follow,
        Scope.READ,
        {
            HTTPStatus.OK: Answer(
                None,
                f"the events; a comment after {StreamTimings.comment_after_s:.0f} seconds without one",
                media_types=("text/event-stream",),
                headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no: proxies are not to hold it back"},
            ),
            HTTPStatus.NO_CONTENT: Answer(None, "the job has ended, and the client has all its events"),
        },
        tag="jobs",
        query=EventsQuery,
        problems=(Code.JOB_NOT_FOUND, Code.QUOTA_EXCEEDED),
        identify=by_key_or_ticket,
        request_headers={LAST_EVENT_ID: "the id of the last event that came; an EventSource sends it by itself"},
    ),
)
