"""New assets: a file is uploaded, or an output of a job is kept."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import anyio
from pydantic import ValidationError
from starlette.responses import Response

from api_service.assets.from_output import keep_output
from api_service.assets.keeping import ARRIVES_WITHIN, Details, Kept
from api_service.assets.names import name_from
from api_service.assets.receiving import Receiving
from api_service.doors.binding import ApiRequest
from api_service.doors.v1.assets.bodies import FromOutputBody, UploadFields, UploadForm, owner_of, shelf_of
from api_service.doors.v1.assets.views import ASSETS, AssetView
from api_service.http.answers import answer_with
from api_service.http.multipart import read_form
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.http.server.connections import MORE_TIME
from api_service.jobs.job_queries import find_output
from api_service.refusals.assets import asset_too_large
from api_service.refusals.codes import Code
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import Refusal, field_errors
from shared.models import Scope

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


async def upload(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Upload a file.

    It is sent as `multipart/form-data`, in the field `file`, and goes to the store as it comes. Bytes that the user
    has uploaded before are kept once: 200 and the asset of that name, which then expires no sooner than this upload
    asks for. Under another name they are another asset over the same bytes.
    """
    await request.services.limits.count_upload(request.identity)
    largest = request.services.settings.asset_max_bytes
    give_time(request, largest)
    sink = FileSink(request)
    try:
        form = await read_form(request.http, sink, largest)
        fields = fields_of(form.fields)
        name = fields.name or name_from(form.filename)
        details = Details(name, fields.tags, fields.expires_at, fields.hash)
        return answer(await request.services.run(sink.receiving.finish, details))
    except Refusal as refusal:
        # What is beside the file has a bound of its own; whatever is beyond both is the file's.
        raise asset_too_large(largest) if refusal.code is RequestCode.BODY_TOO_LARGE else refusal from None
    finally:
        await sink.leave()


async def keep_an_output(request: ApiRequest[FromOutputBody, Nothing]) -> Response:
    """Make an asset of a job's output.

    No byte is copied: the output and the asset share them, and each stays when the other is deleted. Both count
    towards what the user has stored.
    """
    services, body = request.services, request.body
    await services.limits.count_upload(request.identity)
    owner = request.identity.owner
    output = await services.run(find_output, services.engine, body.job_id, str(body.number), owner)
    details = Details(body.name or name_from(output.filename), body.tags, body.expires_at, job_id=body.job_id)
    return answer(await services.run(keep_output, shelf_of(request), owner_of(request), output, details))


def answer(kept: Kept) -> Response:
    view = AssetView.of(kept.asset)
    status = HTTPStatus.CREATED if kept.is_new else HTTPStatus.OK
    return answer_with(view, status, Location=f"{ASSETS}/{view.id}")


def give_time(request: ApiRequest[Any, Any], largest: int) -> None:
    """A file takes longer than other bodies; who may send one is known by now."""
    more_time = request.http.scope.get("extensions", {}).get(MORE_TIME)
    if more_time is not None:
        more_time(min(60 + largest / SLOWEST, ARRIVES_WITHIN.total_seconds() * 0.9))


def fields_of(given: Mapping[str, Sequence[str]]) -> UploadFields:
    """The fields beside the file. Raises Refusal: invalid_fields."""
    values: dict[str, Any] = {
        name: found if name == "tags" or len(found) > 1 else found[0] for name, found in given.items()
    }
    try:
        return UploadFields.model_validate(values)
    except ValidationError as error:
        raise invalid_fields(field_errors(error)) from None


KEPT = {
    HTTPStatus.CREATED: Answer(AssetView, "the asset; its bytes are new", headers={"Location": "where the asset is"}),
    HTTPStatus.OK: Answer(
        AssetView, "the asset; the user had its bytes already", headers={"Location": "where the asset is"}
    ),
}

OPERATIONS = (
    Operation(
        "uploadAsset",
        "POST",
        ASSETS,
        upload,
        Scope.WRITE,
        KEPT,
        tag="assets",
        form=UploadForm,
        problems=(
            RequestCode.INVALID_FORM,
            RequestCode.UNSUPPORTED_MEDIA_TYPE,
            Code.ASSET_TOO_LARGE,
            Code.HASH_MISMATCH,
            Code.INVALID_FIELDS,
            Code.QUOTA_EXCEEDED,
            Code.STORAGE_UNAVAILABLE,
        ),
    ),
    Operation(
        "keepOutput",
        "POST",
        f"{ASSETS}/from-output",
        keep_an_output,
        Scope.WRITE,
        KEPT,
        tag="assets",
        body=FromOutputBody,
        problems=(
            Code.JOB_NOT_FOUND,
            Code.OUTPUT_NOT_FOUND,
            Code.OUTPUT_GONE,
            Code.ASSET_TOO_LARGE,
            Code.QUOTA_EXCEEDED,
            Code.STORAGE_UNAVAILABLE,
        ),
    ),
)
