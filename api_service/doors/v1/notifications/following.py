"""What a user is told, live, as server-sent events: from now on, or from whichever the client has last."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, by_key_or_ticket
from api_service.doors.v1.notifications.bodies import LARGEST_NUMBER, FollowQuery
from api_service.doors.v1.notifications.views import NOTIFICATIONS, NotificationView
from api_service.doors.v1.streams.connection import holder_of
from api_service.doors.v1.streams.event_streams import GOES_ON_BY, id_of, last_number, send_opening, stream_of
from api_service.doors.v1.streams.sending import sent_to_the_end
from api_service.http.operations import Nothing, Operation
from api_service.http.streams.event_stream import EventStream, Follower, SendText, as_comment
from api_service.notifications import listing
from api_service.refusals.codes import Code
from api_service.streams.bell import Bell
from shared.models import Notification, Scope

FollowRequest = ApiRequest[Nothing, FollowQuery]


async def follow(request: FollowRequest) -> Response:
    """Follow what the caller is told in the app, by server-sent events.

    The name of each event is `notification`, its id that of the notification, its data the notification as JSON. First
    come those after `Last-Event-ID`; without one it begins now. With `?ticket=`, an id has a secret behind a hyphen, as
    in the stream of a job.
    """
    services, after = request.services, last_number(request, LARGEST_NUMBER)
    newest = await services.run(listing.newest, services.engine, request.identity.user_id)
    # A client that claims an id which is not reached yet would miss what comes.
    follower = NotificationFollower(request, newest if after is None else min(after, newest))
    return EventStream(
        Follower(
            partial(sent_to_the_end, follower.send_all),
            partial(services.limits.open_stream, request.identity),
            services.timings.send_timeout_s,
        )
    )


@dataclass(frozen=True)
class NotificationFollower:
    """Who follows, and the last notification that it has."""

    request: FollowRequest
    after: int

    async def send_all(self, send: SendText) -> None:
        """Send everything for as long as the client stays. Raises StreamEnded, SQLAlchemyError."""
        services, identity, after = self.request.services, self.request.identity, self.after
        await send_opening(self.request, after, send)
        async with services.relay.bell(identity.user_id, holder_of(identity)) as bell:
            while True:
                told = await self.told_next(bell, after)
                for one in told:
                    after = one.id
                    view = NotificationView.of(one).model_dump_json()
                    await send(f"id: {id_of(identity, after)}\nevent: notification\ndata: {view}\n\n")
                if not told:
                    await send(as_comment())

    async def told_next(self, bell: Bell, after: int) -> Sequence[Notification]:
        """What comes after this number; nothing if nothing came for as long as a stream may be silent, however often
        the bell rang meanwhile. Raises StreamEnded, SQLAlchemyError."""
        services, user_id, now = self.request.services, self.request.identity.user_id, asyncio.get_running_loop().time
        until = now() + services.timings.comment_after_s
        while True:
            told = await services.run(listing.told_since, services.engine, user_id, after)
            left_s = until - now()
            if told or left_s <= 0 or not await bell.rings_within(left_s):
                return told


OPERATIONS = (
    Operation(
        "followNotifications",
        "GET",
        f"{NOTIFICATIONS}/events",
        follow,
        Scope.READ,
        {HTTPStatus.OK: stream_of("the notifications")},
        tag="notifications",
        query=FollowQuery,
        problems=(Code.QUOTA_EXCEEDED,),
        identify=by_key_or_ticket,
        request_headers=GOES_ON_BY,
    ),
)
