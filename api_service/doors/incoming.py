"""A file that a request brings, at whichever door: it goes on to the core as it comes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel, ValidationError

from api_service.assets.keeping import Details, Kept, Owner, Shelf
from api_service.assets.receiving import Receiving
from api_service.doors.binding import ApiRequest
from api_service.http.multipart import AT_ONCE, Form, bounded, read_form, refuse_what_says_it_is_larger
from api_service.http.request_refusals import RequestCode
from api_service.http.server.connections import MORE_TIME
from api_service.limits.rates import Limit
from api_service.refusals.assets import asset_too_large
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import Refusal, field_errors
from shared.files.folders import ARRIVES_WITHIN

M = TypeVar("M", bound=BaseModel)

# A second for so many bytes that may come, beside the minute that every body has.
SLOWEST = 128 * 1024


class FileSink:
    """Hands a file on to the core, in threads."""

    def __init__(self, request: ApiRequest[Any, Any]) -> None:
        self.run = request.services.run
        self.receiving = Receiving(shelf_of(request), owner_of(request))

    async def begin(self) -> None:
        await self.run(self.receiving.begin)

    async def write(self, piece: bytes) -> None:
        await self.run(self.receiving.write, piece)

    async def leave(self) -> None:
        # A client that hung up has cancelled this task.
        with anyio.CancelScope(shield=True):
            await self.run(self.receiving.leave)


async def received(request: ApiRequest[Any, Any], details_in: Callable[[Form], Details]) -> Kept:
    """The asset of the file that is in the request's form. Raises Refusal, and what `details_in` raises."""
    largest = largest_upload(request)
    async with one_upload(request, largest) as sink:
        form = await read_form(request.http, sink, largest)
        return await request.services.run(sink.receiving.finish, details_in(form))


async def take_whole_body(request: ApiRequest[Any, Any], sink: FileSink, largest: int) -> None:
    """Give a body that is a file, and nothing else, to the sink. Raises Refusal."""
    refuse_what_says_it_is_larger(request.http, largest)
    await sink.begin()
    waiting = bytearray()
    async for chunk in bounded(request.http, largest):
        waiting += chunk
        if len(waiting) >= AT_ONCE:
            await sink.write(bytes(waiting))
            waiting.clear()
    await sink.write(bytes(waiting))


@asynccontextmanager
async def one_upload(request: ApiRequest[Any, Any], largest: int) -> AsyncIterator[FileSink]:
    """A file of up to so many bytes may come within the block: it is counted, and has time. Raises Refusal."""
    async with uploads_at_once(request, 1, largest) as (sink,):
        yield sink


@asynccontextmanager
async def uploads_at_once(request: ApiRequest[Any, Any], most: int, largest: int) -> AsyncIterator[Sequence[FileSink]]:
    """Up to so many files, each of up to so many bytes, may come within the block; they count as one upload. Raises
    Refusal."""
    await request.services.limits.count_upload(request.identity)
    give_time(request, most * largest)
    sinks = [FileSink(request) for _ in range(most)]
    try:
        yield sinks
    except Refusal as refusal:
        # What is beside the file has a bound of its own; whatever is beyond both is the file's.
        raise asset_too_large(largest) if refusal.code is RequestCode.BODY_TOO_LARGE else refusal from None
    finally:
        for sink in sinks:
            await sink.leave()


def fields_in(form: Form, model: type[M]) -> M:
    """The fields beside the file. Raises Refusal: invalid_fields."""
    values: dict[str, Any] = {
        name: found if name == "tags" or len(found) > 1 else found[0] for name, found in form.fields.items()
    }
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid_fields(field_errors(error)) from None


def give_time(request: ApiRequest[Any, Any], largest: int) -> None:
    """A file takes longer than other bodies; who may send one is known by now."""
    more_time = request.http.scope.get("extensions", {}).get(MORE_TIME)
    if more_time is not None:
        longest = timedelta(seconds=60 + largest / SLOWEST)
        more_time(min(longest, ARRIVES_WITHIN * 0.9).total_seconds())


def shelf_of(request: ApiRequest[Any, Any]) -> Shelf:
    return request.services.acceptance.shelf


def largest_upload(request: ApiRequest[Any, Any]) -> int:
    """How many bytes a file may have, whatever it is."""
    settings = request.services.settings
    return max(settings.asset_max_bytes, settings.archive_max_bytes)


def owner_of(request: ApiRequest[Any, Any]) -> Owner:
    """The caller, with the limit of its key."""
    identity = request.identity
    return Owner(identity.user_id, request.services.limits.most(identity, Limit.STORED_BYTES))
