"""The list of tasks, live, as server-sent events: the newest as they are, then what is made, changed or deleted."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from api_service.doors.binding import ApiRequest, by_key_or_ticket, signed_urls
from api_service.doors.v1.streams.connection import holder_of
from api_service.doors.v1.streams.event_streams import GOES_ON_BY, as_text, id_of, last_number, send_opening, stream_of
from api_service.doors.v1.streams.queries import StreamQuery
from api_service.doors.v1.streams.sending import sent_to_the_end
from api_service.doors.v1.tasks.task_stream import DELETED, LATEST, change_of, text_of
from api_service.doors.v1.tasks.views import TASKS
from api_service.doors.v1.tasks.waiting import LEAST_S
from api_service.http.operations import Nothing, Operation
from api_service.http.streams.event_stream import EventStream, Follower, SendText, as_comment
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.codes import Code
from api_service.streams.bell import TaskBell
from api_service.tasks.task_changes import Changes, TaskChanges
from shared.database.clock import EPOCH
from shared.jobs.listing.filters import WhoseJobs
from shared.models import Scope

FAR = timedelta(days=365_000)


class FollowTasksQuery(StreamQuery):
    """Whose tasks, and from which change on to follow them. `user_id` is for admins: another user's, or `all`."""

    last_event_id: int | None = Field(
        None,
        ge=0,
        le=LATEST,
        description="send what has changed after this change; the header `Last-Event-ID` wins over it",
    )
    user_id: WhoseJobs | None = None


FollowRequest = ApiRequest[Nothing, FollowTasksQuery]


async def follow(request: FollowRequest) -> Response:
    """Follow the list of tasks by server-sent events.

    First come the newest 100 tasks as they are, or, after a `Last-Event-ID`, those that have changed since; then each
    task that is new or another than before. The events are those of one task: their name is the `state`, their data the
    task. The event `deleted` has the `id` of a task that was sent here, and is no more. A task may come twice as it is,
    and of its changes within a tenth of a second the last is sent. The stream does not end by itself. With `?ticket=`,
    an id has a secret behind a hyphen, as in the stream of a job.
    """
    services, after = request.services, last_number(request, LATEST)
    owner = owner_asked_for(request.identity, request.query.user_id)
    follower = ListFollower(request, owner, after)
    return EventStream(
        Follower(
            partial(sent_to_the_end, follower.send_all),
            partial(services.limits.open_stream, request.identity),
            services.timings.send_timeout_s,
        )
    )


def moment_of(number: int) -> datetime:
    """When the change with that number was made. What is far beyond all calendars is no longer told apart."""
    return EPOCH + min(timedelta(microseconds=number), FAR)


@dataclass(frozen=True)
class ListFollower:
    """Who follows whose tasks (None: everybody's), and the last change that the client has."""

    request: FollowRequest
    owner: UUID | None
    after: int | None

    async def send_all(self, send: SendText) -> None:
        """Send everything for as long as the client stays. Raises StreamEnded, SQLAlchemyError."""
        services, identity = self.request.services, self.request.identity
        await send_opening(self.request, self.after or 0, send)
        changes = TaskChanges(self.owner, None if self.after is None else moment_of(self.after))
        async with services.relay.task_bell(self.owner, holder_of(identity)) as bell:
            while True:
                found = await self.found_next(bell, changes)
                await self.send_found(found, send)

    async def found_next(self, bell: TaskBell, changes: TaskChanges) -> Changes:
        """What has changed; nothing if nothing has for as long as a stream may be silent. Raises StreamEnded,
        SQLAlchemyError."""
        services, now = self.request.services, asyncio.get_running_loop().time
        until = now() + services.timings.comment_after_s
        while True:
            found = await services.run(changes.look, services.engine)
            left_s = until - now()
            if found.tasks or found.gone or left_s <= 0:
                return found
            await bell.rings_after(LEAST_S, min(left_s, services.timings.catch_up_s))

    async def send_found(self, found: Changes, send: SendText) -> None:
        urls = await signed_urls(self.request.http, self.request.identity)
        for task in found.tasks:
            await send(text_of(task, urls, id_of(self.request.identity, change_of(task))))
        for task_id in found.gone:
            await send(as_text(DELETED, {"id": str(task_id)}))
        if not found.tasks and not found.gone:
            await send(as_comment())


OPERATIONS = (
    Operation(
        "followTasks",
        "GET",
        f"{TASKS}/events",
        follow,
        Scope.READ,
        {HTTPStatus.OK: stream_of("the tasks")},
        tag="tasks",
        query=FollowTasksQuery,
        problems=(Code.QUOTA_EXCEEDED,),
        identify=by_key_or_ticket,
        request_headers=GOES_ON_BY,
    ),
)
