"""A task, live, as server-sent events: as it is, then each change of it, to its end."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
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
from api_service.doors.v1.tasks.bodies import task_id_in
from api_service.doors.v1.tasks.views import TASKS, TaskView
from api_service.doors.v1.tasks.waiting import LEAST_S
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.signed_urls import SignedUrls
from api_service.http.streams.event_stream import HEADERS, EventStream, Follower, SendText, as_comment
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from api_service.streams.bell import TaskBell
from api_service.tasks.task_queries import find_task
from shared.database.clock import EPOCH
from shared.models import Scope, Task

DELETED = "deleted"
LATEST = 2**63 - 1  # change of a task, in microseconds since 1970


class FollowTaskQuery(StreamQuery):
    """From which change of a task on to follow."""

    last_event_id: int | None = Field(
        None,
        ge=0,
        le=LATEST,
        description="send the task once it is another than after this change; the header `Last-Event-ID` wins over it",
    )


FollowRequest = ApiRequest[Nothing, FollowTaskQuery]


async def follow(request: FollowRequest) -> Response:
    """Follow a task by server-sent events.

    First comes the task as it is, unless the client has it by its `Last-Event-ID`, then the task each time that it has
    changed. The name of an event is the task's `state`, its data the task as JSON, its id says which change it is. Of
    changes that follow within a tenth of a second, the last is sent. The stream ends after `completed`, `failed`,
    `cancelled` or `deleted`; a client that has the end and asks again is answered 204, which ends an EventSource for
    good. With `?ticket=`, an id has a secret behind a hyphen, as in the stream of a job.
    """
    services, task_id, after = request.services, task_id_in(request.path), last_number(request, LATEST)
    task = await services.run(find_task, services.engine, task_id, request.identity.owner)
    if task.state.is_final and change_of(task) == after:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
    follower = TaskFollower(request, task_id, task.user_id, after)
    return EventStream(
        Follower(
            partial(sent_to_the_end, follower.send_changes, task_id=str(task_id)),
            partial(services.limits.open_stream, request.identity),
            services.timings.send_timeout_s,
        )
    )


def change_of(task: Task) -> int:
    """Which change was the last: when it was made, in microseconds since 1970."""
    return (task.updated_at - EPOCH) // timedelta(microseconds=1)


def text_of(task: Task, urls: SignedUrls, event_id: str) -> str:
    """A change in the stream's form. JSON has no line breaks, so its data is one line."""
    return f"id: {event_id}\nevent: {task.state}\ndata: {TaskView.of(task, urls).model_dump_json()}\n\n"


@dataclass(frozen=True)
class TaskFollower:
    """Who follows which task, and the last change that the client has."""

    request: FollowRequest
    task_id: UUID
    user_id: UUID  # whose it is
    after: int | None

    async def send_changes(self, send: SendText) -> None:
        """Send every change until the task has ended. Raises StreamEnded, SQLAlchemyError."""
        services, identity = self.request.services, self.request.identity
        await send_opening(self.request, self.after or 0, send)
        after = self.after
        async with services.relay.task_bell(self.user_id, holder_of(identity)) as bell:
            while True:
                try:
                    task = await self.changed_since(bell, after)
                except Refusal:  # it was there a moment ago
                    await send(as_text(DELETED, {"id": str(self.task_id)}))
                    return
                if task is None:
                    await send(as_comment())
                    continue
                after = change_of(task)
                await send(await self.text_of(task))
                if task.state.is_final:
                    return

    async def changed_since(self, bell: TaskBell, after: int | None) -> Task | None:
        """The task, once it is another than after that change; None if it was the same for as long as a stream may be
        silent. Raises Refusal: task_not_found; StreamEnded, SQLAlchemyError."""
        services, now = self.request.services, asyncio.get_running_loop().time
        until = now() + services.timings.comment_after_s
        while True:
            task = await services.run(find_task, services.engine, self.task_id, self.request.identity.owner)
            if change_of(task) != after:
                return task
            if (left_s := until - now()) <= 0:
                return None
            await bell.rings_after(LEAST_S, min(left_s, services.timings.catch_up_s))

    async def text_of(self, task: Task) -> str:
        urls = await signed_urls(self.request.http, self.request.identity)
        return text_of(task, urls, id_of(self.request.identity, change_of(task)))


OPERATIONS = (
    Operation(
        "followTask",
        "GET",
        f"{TASKS}/{{task_id}}/events",
        follow,
        Scope.READ,
        {
            HTTPStatus.OK: stream_of("the changes"),
            HTTPStatus.NO_CONTENT: Answer(None, "the task has ended, and the client has its end"),
        },
        tag="tasks",
        query=FollowTaskQuery,
        problems=(Code.TASK_NOT_FOUND, Code.QUOTA_EXCEEDED),
        identify=by_key_or_ticket,
        request_headers=GOES_ON_BY,
    ),
)
