"""A picture as an event stream: comments while it is made, then each picture as an event of OpenAI's."""

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.openai.answers.codes import goes_on
from api_service.doors.openai.answers.errors import error_of
from api_service.doors.openai.answers.texts import opened, with_picture
from api_service.doors.openai.answers.views import ImagesView, pictures_of
from api_service.doors.waiting import read_job, until_ended
from api_service.http.streams.event_stream import EventStream, Follower, SendText, as_comment
from api_service.refusals.refusal import Refusal
from api_service.streams.wait_for_end import Meanwhile
from api_service.streams.watch import KeyEnded
from shared.models import GenerationJob

Request = ApiRequest[Any, Any]
# The official clients read these; what is counted in tokens elsewhere is not counted here.
NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}


@dataclass(frozen=True)
class Following:
    """Which job is followed, for how long, and how its events are called. `may_join`: the same request finds it."""

    job: GenerationJob
    kind: str
    wait_s: float
    may_join: bool


def follow(request: Request, following: Following) -> Response:
    timings = request.services.timings
    return EventStream(Follower(partial(send_all, request, following), nullcontext, timings.send_timeout_s))


async def send_all(request: Request, following: Following, write: SendText) -> str:
    """Send the pictures once there are some, or why there are none. Returns what to send last.

    Until then a comment now and then shows that the stream lives.
    """
    comments = Meanwhile(request.services.timings.comment_after_s, lambda: write(as_comment()))
    try:
        try:
            async with asyncio.timeout(following.wait_s):
                await until_ended(request, following.job.id, comments)
        except KeyEnded:  # it learns nothing more
            raise goes_on(following.job, may_join=following.may_join) from None
        except TimeoutError:
            pass  # then the job is as it is now
        await send_pictures(request, following, write)
    except Refusal as refusal:
        return f"event: error\ndata: {error_of(refusal).model_dump_json(exclude_unset=True)}\n\n"
    return ""


async def send_pictures(request: Request, following: Following, write: SendText) -> None:
    """Send each picture of a job that has ended. Raises Refusal."""
    services = request.services
    found = await read_job(request, following.job.id) or (following.job, ())
    job, _ = found
    pictures = pictures_of(found, may_join=following.may_join)
    shown = ImagesView.of(job).model_dump(exclude={"data", "created"})
    name = f"{following.kind}.completed"
    fields = {"type": name, **shown, "created_at": int(job.created_at.timestamp()), "quality": "auto"}
    for content in await services.run(opened, services.store, pictures):
        pieces: Iterator[str] = with_picture({**fields, "usage": NO_USAGE}, content)
        await write(f"event: {name}\ndata: ")
        while (piece := await services.run(next, pieces, None)) is not None:
            await write(piece)
        await write("\n\n")
