"""Uploads become assets of the caller, under the name that ComfyUI would give them."""

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from starlette.responses import Response

from api_service.assets.keeping import ARRIVES_WITHIN, Details, Owner, Shelf
from api_service.assets.names import LONGEST, name_from, plain_name
from api_service.assets.receiving import Receiving
from api_service.doors.native.asking.errors import PromptRefused
from api_service.doors.native.asking.operations import NativeRequest, operation
from api_service.http.answers import Json
from api_service.http.multipart import read_form
from api_service.http.request_refusals import RequestCode
from api_service.http.server.connections import MORE_TIME
from api_service.limits.rates import Limit
from api_service.prompts.files import free_name, make_newest
from api_service.refusals.assets import asset_too_large
from api_service.refusals.refusal import Refusal
from shared.models import Scope

FIELD = "image"
KINDS = {"input", "temp", "output"}
SLOWEST = 128 * 1024  # a second for so many bytes that may come, beside the minute that every body has
DEEPEST = 8  # folders


class FileSink:
    """Hands a file on to the core, in threads."""

    def __init__(self, request: NativeRequest) -> None:
        services, identity = request.services, request.identity
        settings = services.settings
        self.run = services.run
        self.receiving = Receiving(
            Shelf(services.engine, services.store, settings.asset_max_bytes, settings.asset_lifetime),
            Owner(identity.user_id, services.limits.most(identity, Limit.STORED_BYTES)),
        )

    async def begin(self) -> None:
        await self.run(self.receiving.begin)

    async def write(self, piece: bytes) -> None:
        await self.run(self.receiving.write, piece)

    async def leave(self) -> None:
        # A client that hung up has cancelled this task.
        with anyio.CancelScope(shield=True):
            await self.run(self.receiving.leave)


async def upload(request: NativeRequest) -> Response:
    """Keep a file of the caller. The answer is the name that a prompt gives for it."""
    services = request.services
    await services.limits.count_upload(request.identity)
    largest = services.settings.asset_max_bytes
    give_time(request, largest)
    sink = FileSink(request)
    try:
        form = await read_form(request.http, sink, largest, FIELD)
        kind, folder = said(form.fields, "type") or "input", folder_in(form.fields)
        if kind not in KINDS:
            raise PromptRefused("invalid_upload", "type must be input, temp or output")
        wanted = f"{folder}/{name_from(form.filename)}".removeprefix("/")
        if len(wanted) > LONGEST:
            raise PromptRefused("invalid_upload", f"a name with its folder has at most {LONGEST} characters")
        name = await kept_as(request, sink, wanted, overwrites=said(form.fields, "overwrite") in {"true", "1"})
    except Refusal as refusal:
        raise asset_too_large(largest) if refusal.code is RequestCode.BODY_TOO_LARGE else refusal from None
    finally:
        await sink.leave()
    return Json({"name": name.rpartition("/")[2], "subfolder": folder, "type": kind})


async def kept_as(request: NativeRequest, sink: FileSink, wanted: str, *, overwrites: bool) -> str:
    """Keep what has arrived: under this name, or, where other bytes have it already, one beside it."""
    services, user_id = request.services, request.identity.user_id
    name = wanted
    if not overwrites:
        name = await services.run(free_name, services.engine, user_id, wanted, str(sink.receiving.hash))
    kept = await services.run(sink.receiving.finish, Details(name))
    if overwrites:
        await services.run(make_newest, services.engine, kept.asset.id)
    return name


def said(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def folder_in(fields: Mapping[str, Sequence[str]]) -> str:
    """The folder that the file is to be in, as a part of its name. Raises PromptRefused."""
    parts = [part for part in said(fields, "subfolder").replace("\\", "/").split("/") if part]
    if len(parts) > DEEPEST:
        raise PromptRefused("invalid_upload", f"subfolder has at most {DEEPEST} folders")
    try:
        return "/".join(map(plain_name, parts))
    except ValueError as error:
        raise PromptRefused("invalid_upload", f"subfolder {error}") from None


def give_time(request: NativeRequest, largest: int) -> None:
    """A file takes longer than other bodies; who may send one is known by now."""
    more_time: Any = request.http.scope.get("extensions", {}).get(MORE_TIME)
    if more_time is not None:
        more_time(min(60 + largest / SLOWEST, ARRIVES_WITHIN.total_seconds() * 0.9))


OPERATIONS = (
    operation("POST", "/upload/image", upload, Scope.WRITE),
    # Its pixels are kept as they come: nothing here looks into a picture. `original_ref` is let pass.
    operation("POST", "/upload/mask", upload, Scope.WRITE),
)
