"""Uploads become assets of the caller, under the name that ComfyUI would give them."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from api_service.assets.keeping import Details
from api_service.doors.incoming import FileSink, one_upload
from api_service.doors.native.asking.errors import PromptRefused
from api_service.doors.native.asking.operations import NativeRequest, operation
from api_service.http.answers import Json
from api_service.http.multipart import read_form
from api_service.prompts.files import free_name, make_newest
from shared.files.asset_names import LONGEST, name_from, plain_name
from shared.models import Scope

FIELD = "image"
KINDS = {"input", "temp", "output"}
DEEPEST = 8  # folders


async def upload(request: NativeRequest) -> Response:
    """Keep a file of the caller. The answer is the name that a prompt gives for it."""
    largest = request.services.settings.asset_max_bytes
    async with one_upload(request, largest) as sink:
        form = await read_form(request.http, sink, largest, FIELD)
        kind, folder = said(form.fields, "type") or "input", folder_in(form.fields)
        if kind not in KINDS:
            raise PromptRefused("invalid_upload", "type must be input, temp or output")
        wanted = f"{folder}/{name_from(form.filename)}".removeprefix("/")
        if len(wanted) > LONGEST:
            raise PromptRefused("invalid_upload", f"a name with its folder has at most {LONGEST} characters")
        name = await kept_as(request, sink, wanted, overwrites=said(form.fields, "overwrite") in {"true", "1"})
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


OPERATIONS = (
    operation("POST", "/upload/image", upload, Scope.WRITE),
    # Its pixels are kept as they come: nothing here looks into a picture. `original_ref` is let pass.
    operation("POST", "/upload/mask", upload, Scope.WRITE),
)
