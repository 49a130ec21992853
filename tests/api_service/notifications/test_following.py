"""The stream of notifications shows that it lives, also while jobs end of which nobody is told."""

import asyncio
from contextlib import suppress

from starlette.requests import Request

from api_service import main
from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.doors.v1.notifications.bodies import FollowQuery
from api_service.doors.v1.notifications.following import NotificationFollower
from api_service.http.operations import NOTHING, ParsedRequest
from api_service.http.streams.event_stream import as_comment
from api_service.streams.timings import StreamTimings
from api_service.streams.watch import ServerStops
from shared.configuration.settings import Settings
from shared.models import Scope
from tests.jobs import USER


def test_comments_come_though_the_bell_rings_all_the_time(settings: Settings) -> None:
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)
        if sent.count(as_comment()) == 2:
            raise ServerStops

    async def story() -> None:
        async with main.running(settings, StreamTimings(comment_after_s=0.3, rights_check_s=60)) as services:

            async def ring() -> None:
                while True:
                    services.relay.watchers.ring([USER])
                    await asyncio.sleep(0.01)

            identity = Identity(USER, "a-key", frozenset({Scope.READ}), {})
            request = ParsedRequest(Request({"type": "http"}), services, Charge(identity), NOTHING, FollowQuery())
            ringing = asyncio.create_task(ring())
            with suppress(ServerStops):
                async with asyncio.timeout(20):
                    await NotificationFollower(request, after=0).send_all(send)
            ringing.cancel()

    asyncio.run(story())
    assert sent[1:] == [as_comment(), as_comment()]
