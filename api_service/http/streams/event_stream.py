"""An answer that is an event stream: it goes on until there is no more to come, or the client has gone."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api_service.http.server.hang_up import stop_when_hung_up

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

SendText = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Follower:
    """What goes into a stream. `send_all` sends the client everything until there is no more to come, and returns what
    to send last. `admit` is entered before the stream starts, and may raise Refusal."""

    send_all: Callable[[SendText], Awaitable[str]]
    admit: Callable[[], AbstractAsyncContextManager[Any]]
    send_timeout_s: float


class EventStream(Response):
    """An answer that goes on until its follower is done, the client has gone or does not read, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, follower: Follower) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.follower = follower

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(text: str, *, more: bool = True) -> None:
            async with asyncio.timeout(self.follower.send_timeout_s):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            return await write("", more=False)
        async with self.follower.admit(), anyio.create_task_group() as tasks:
            await send(start)
            tasks.start_soon(stop_when_hung_up, receive, tasks.cancel_scope)
            last = await self.follower.send_all(write)
            with contextlib.suppress(TimeoutError):
                await write(last, more=False)
            tasks.cancel_scope.cancel()
        return None


def as_comment(text: str = "") -> str:
    """A line that clients ignore."""
    return f": {text}\n\n"
