"""A job, as it goes, as server-sent events: each event once, from whichever the client heard last."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import anyio
import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from api_service.accounts.keyring import Identity
from api_service.doors.v1.streams.connection import SEND_S, STOPPING, TOO_SLOW, stop_when_hung_up
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.limits.enforce import open_stream
from api_service.refusals.codes import Code
from api_service.refusals.problems import FieldError, invalid_query, job_not_found
from api_service.services import Services
from api_service.streams import stream_queries
from api_service.streams.watch import JobWatch, ServerStops, TooSlow
from shared.jobs.urls import JOBS, number_in
from shared.messaging.events import Event
from shared.models import HELD, Scope

log = structlog.get_logger(__name__)

RETRY_MS = 2000  # after how long a browser connects again
QUIET_S = 15.0  # after how long without an event a comment shows that the stream lives
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
LAST_EVENT_ID = "Last-Event-ID"


class EventsQuery(BaseModel):
    """Which events of a job to tell."""

    model_config = ConfigDict(extra="forbid")

    previews: bool = Field(False, description="whether to tell the sampler's previews too")
    ticket: str | None = Field(None, description="a ticket of `/api/v1/stream-tickets`, in place of a key")
    last_event_id: int | None = Field(
        None, ge=0, le=2**31 - 1, description="tell what came after this event; the header `Last-Event-ID` wins over it"
    )


async def follow(call: Call[Nothing, EventsQuery]) -> Response:
    """Follow a job by server-sent events.

    The events of a job's life have its `sequence` as their id. Those after `Last-Event-ID`, or all of them without
    one, are told first, then each as it happens. Progress and previews have no id: they are told as they happen, and
    not again. The name of an event is its type, its data is JSON. The stream ends after `completed`, `failed`,
    `cancelled` or `expired`; a client that asks on after that is answered 204, which ends an EventSource for good.
    """
    services, job_id, owner = call.services, call.job_id, call.identity.owner
    after = last_event_id(call)
    found = await services.run(stream_queries.events_of, services.engine, job_id, owner, after)
    if found is None:
        raise job_not_found(str(job_id))
    job, events = found
    if job.status.is_final and not events:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
    # An id that the job has not reached yet would wait for ever.
    following = Following(services, job_id, owner, min(after, job.events), previews=call.query.previews)
    return EventStream(following, call.identity)


def last_event_id(call: Call[Nothing, EventsQuery]) -> int:
    """The event that the client heard last; 0 for none. Raises Problem 422 for a header that is no number."""
    header = call.request.headers.get(LAST_EVENT_ID)
    if not header:
        return call.query.last_event_id or 0
    number = number_in(header)
    if number is None:
        raise invalid_query([FieldError(field=LAST_EVENT_ID, message="Input should be a number", code="int_parsing")])
    return number


@dataclass(frozen=True)
class Following:
    """Who follows which job, and the event that was heard last."""

    services: Services
    job_id: int
    owner: UUID | None
    after: int
    previews: bool
    quiet_s: float = QUIET_S

    async def tell(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send everything until the job has ended. Raises StreamEnded, SQLAlchemyError."""
        async with self.services.relay.watch(self.job_id, previews=self.previews) as watch:
            ended = await self.replay(watch, send)
            while not ended:
                event = await next_within(watch, self.quiet_s)
                await send(as_sent(event) if event else as_comment())
                ended = event is not None and event.type.is_final

    async def replay(self, watch: JobWatch, send: Callable[[str], Awaitable[None]]) -> bool:
        """Send what has happened, and let the watch go on from there. Whether that was all."""
        services = self.services
        found = await services.run(stream_queries.events_of, services.engine, self.job_id, self.owner, self.after)
        if found is None:
            return True
        job, events = found
        for event in events:
            await send(as_sent(event))
        if job.status.is_final or (events and events[-1].type.is_final):
            return True
        progress = await services.relay.last_progress(*([job.id] if job.status in HELD else []))
        for event in progress.values():
            await send(as_sent(event))
        watch.begin(events[-1].sequence or 0 if events else job.events, progress.get(job.id))
        return False


async def next_within(watch: JobWatch, seconds: float) -> Event | None:
    """The next event; None if there is none for so long."""
    try:
        async with asyncio.timeout(seconds):
            return await watch.next()
    except TimeoutError:
        return None


class EventStream(Response):
    """An answer that goes on until the job has ended, the client has gone or does not read, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, following: Following, identity: Identity) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.following = following
        self.identity = identity

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        async def write(text: str, *, more: bool = True) -> None:
            async with asyncio.timeout(SEND_S):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            return await write("", more=False)
        async with open_stream(self.following.services, self.identity), anyio.create_task_group() as tasks:
            await send(start)
            tasks.start_soon(stop_when_hung_up, receive, tasks.cancel_scope)
            last = await self.tell(write)
            with contextlib.suppress(TimeoutError):
                await write(last, more=False)
            tasks.cancel_scope.cancel()
        return None

    async def tell(self, write: Callable[[str], Awaitable[None]]) -> str:
        """Tell the client everything until there is no more to come. Returns what to say last."""
        try:
            await write(f"retry: {RETRY_MS}\n\n")
            await self.following.tell(write)
        except (TooSlow, TimeoutError):
            log.info("events.too_slow", job_id=self.following.job_id)
            return as_comment(TOO_SLOW)
        except ServerStops:
            return as_comment(STOPPING)
        except SQLAlchemyError as error:
            log.warning("events.no_rows", job_id=self.following.job_id, error=str(error))
        return ""


def as_sent(event: Event) -> str:
    """An event in the stream's form. JSON has no line breaks, so its data is one line."""
    number = "" if event.sequence is None else f"id: {event.sequence}\n"
    return f"{number}event: {event.type}\ndata: {event.text}\n\n"


def as_comment(text: str = "") -> str:
    """A line that clients pass over."""
    return f": {text}\n\n"


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
                f"the events; a comment every {QUIET_S:.0f} seconds where there is none",
                media_types=("text/event-stream",),
                headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no: proxies are not to hold it back"},
            ),
            HTTPStatus.NO_CONTENT: Answer(None, "the job has ended, and there is nothing more to tell"),
        },
        tag="jobs",
        query=EventsQuery,
        problems=(Code.JOB_NOT_FOUND, Code.QUOTA_EXCEEDED),
        takes_ticket=True,
        request_headers={LAST_EVENT_ID: "the id of the event that was heard last; an EventSource sends it by itself"},
    ),
)
