"""How a request arrives here, for whoever wants to know what the proxies on its way make of it and of its answer."""

import asyncio
import contextlib
import json
from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.http.signed_urls import base_of
from api_service.http.streams.event_stream import EventStream, Follower, SendText

PAUSE_S = 0.5  # longer than the way of a few bytes, and short enough for anybody
LOCATION = "/health/ready"
END = "event: end\ndata: {}\n\n"


async def arrival(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Tell how this request arrived, as two events half a second apart.

    The event `arrival` has the `client` and the `base` that URLs of files would begin with; `end` follows. A proxy that
    holds events back sends both at once. `Location` is the address of `/health/ready`, as any address of ours is told.
    """
    http, services = request.http, request.services
    seen = {"client": http.client.host if http.client else None, "base": base_of(http, services.settings.public_url)}

    async def send_all(send: SendText) -> str:
        await send(f"event: arrival\ndata: {json.dumps(seen)}\n\n")
        await asyncio.sleep(PAUSE_S)
        return END

    stream = EventStream(Follower(send_all, contextlib.nullcontext, services.timings.send_timeout_s))
    stream.headers["Location"] = LOCATION
    return stream


OPERATIONS = (
    Operation(
        "arrival",
        "GET",
        "/health/arrival",
        arrival,
        Access.NO_KEY,
        {
            HTTPStatus.OK: Answer(
                None, "the events", ("text/event-stream",), {"Location": "the address of `/health/ready`"}
            )
        },
        tag="health",
    ),
)
