"""`/view`: an output or an upload of the caller, by the name that ComfyUI's clients know it by."""

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.doors.native.asking.operations import AnyQuery, NativeRequest, operation
from api_service.http.answers import Json
from api_service.http.downloads import StoredFile, send_file
from api_service.prompts.files import find_file
from shared.models import Scope

KINDS = {"output", "temp", "input"}
PREVIEW = "X-Preview"
DISPOSITION = "Content-Disposition"
LONGEST = 600  # characters of a name with its folder


class ViewQuery(AnyQuery):
    filename: str = ""
    subfolder: str = ""
    type: str = "output"
    preview: str = ""


async def view(request: NativeRequest) -> Response:
    """A file. Only the caller's own are found.

    With `preview` it is the largest thumbnail, in the format that it has, or the whole file if it has none; the header
    `X-Preview` says which. `channel` is let pass.
    """
    services, query = request.services, request.query
    filename, kind = annotated(query.filename, query.type)
    if not filename or kind not in KINDS or len(filename) + len(query.subfolder) > LONGEST:
        return nothing(HTTPStatus.BAD_REQUEST, "a filename and a type of output, temp or input must be given")
    name = f"{query.subfolder.strip('/')}/{filename}".removeprefix("/")
    found = None
    if "\0" not in name:
        found = await services.run(find_file, services.engine, request.identity.user_id, name, kind)
    if found is None:
        return nothing(HTTPStatus.NOT_FOUND, "there is no such file among the caller's own")
    whole, thumbnail = found
    sent = thumbnail if query.preview and thumbnail is not None else whole
    response = await services.run(send_file, request.http, services.store, StoredFile(*sent))
    # As ComfyUI says it, whose clients take apart what they know.
    if said := response.headers.get(DISPOSITION):
        response.headers[DISPOSITION] = said.removeprefix("inline; ")
    if query.preview:
        response.headers[PREVIEW] = "original" if sent is whole else "thumbnail"
    return response


def annotated(filename: str, kind: str) -> tuple[str, str]:
    """A name may say its folder itself: `cat.png [input]`."""
    for one in KINDS:
        if filename.endswith(f"[{one}]"):
            return filename.removesuffix(f"[{one}]").rstrip(), one
    return filename, kind


def nothing(status: HTTPStatus, sentence: str) -> Response:
    error: dict[str, Any] = {"type": "not_found", "message": sentence, "details": "", "extra_info": {}}
    response = Json({"error": error})
    response.status_code = status
    return response


OPERATIONS = (operation("GET", "/view", view, Scope.READ, query=ViewQuery),)
