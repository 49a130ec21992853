"""Assets that are there, uploaded or made by a job: shown, downloaded and deleted."""

from http import HTTPStatus

from pydantic import ConfigDict
from starlette.responses import Response

from api_service.assets.asset_queries import delete_with_bytes, find_asset
from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.comfy_v2.assets.views import AssetView
from api_service.doors.comfy_v2.names.callers import by_either_header_or_url
from api_service.doors.comfy_v2.names.places import ASSETS, AnyQuery
from api_service.http.downloads import FILE_ANSWERS, RANGED, StoredFile, send_file
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.path_ids import uuid_in
from api_service.http.request_refusals import RequestCode
from api_service.http.signed_urls import FileQuery
from api_service.jobs.job_queries import find_output
from api_service.refusals.assets import asset_in_use, asset_not_found
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from shared.models import Asset, JobOutput, Scope
from shared.workflows.opaque_names import output_of

NoBody = ApiRequest[Nothing, AnyQuery]


class ContentQuery(FileQuery):
    """What takes the place of a key, beside what says nothing here."""

    model_config = ConfigDict(extra="ignore")


async def show(request: NoBody) -> AssetView:
    """What is known of an asset."""
    found, urls = await named_in(request), await signed_urls(request.http, request.identity)
    return AssetView.of_output(found, urls) if isinstance(found, JobOutput) else AssetView.of(found, urls)


async def content(request: ApiRequest[Nothing, ContentQuery]) -> Response:
    """The bytes of an asset, or a range of them.

    The `url` that an asset shows is signed, and needs no key.
    """
    found = await named_in(request)
    if isinstance(found, JobOutput):
        file = StoredFile(found.path, found.media_type, found.filename, tag=found.sha256)
    else:
        file = StoredFile(found.path, found.media_type, found.name, tag=found.hash)
    return await request.services.run(send_file, request.http, request.services.store, file)


async def delete(request: NoBody) -> Response:
    """Delete an asset.

    The output of a job goes with its job alone.
    """
    services, found = request.services, await named_in(request)
    if isinstance(found, JobOutput):
        raise asset_in_use("")
    await services.run(delete_with_bytes, services.engine, services.store, found.id, request.identity.owner)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def named_in(request: NoBody | ApiRequest[Nothing, ContentQuery]) -> JobOutput | Asset:
    """The asset that the path names. Raises Refusal: asset_not_found."""
    services, owner, name = request.services, request.identity.owner, request.path["id"]
    if asset_id := uuid_in(name):
        return await services.run(find_asset, services.engine, asset_id, owner)
    if (named := output_of(name)) is None:
        raise asset_not_found("")
    job_id, number = named
    try:
        return await services.run(find_output, services.engine, job_id, str(number), owner)
    except Refusal as refusal:
        if refusal.code not in {Code.JOB_NOT_FOUND, Code.OUTPUT_NOT_FOUND}:
            raise
        raise asset_not_found("") from None


ASSET = f"{ASSETS}/{{id}}"

OPERATIONS = (
    Operation(
        "getAsset",
        "GET",
        ASSET,
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(AssetView, "the asset")},
        tag="assets",
        query=AnyQuery,
        problems=(Code.ASSET_NOT_FOUND,),
    ),
    Operation(
        "deleteAsset",
        "DELETE",
        ASSET,
        delete,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the asset is gone", media_types=())},
        tag="assets",
        query=AnyQuery,
        problems=(Code.ASSET_NOT_FOUND, Code.ASSET_IN_USE),
    ),
    Operation(
        "getAssetContent",
        "GET",
        f"{ASSET}/content",
        content,
        Scope.READ,
        FILE_ANSWERS,
        tag="assets",
        query=ContentQuery,
        identify=by_either_header_or_url,
        problems=(Code.ASSET_NOT_FOUND, Code.STORAGE_UNAVAILABLE, RequestCode.RANGE_NOT_SATISFIABLE),
        request_headers=RANGED,
    ),
)
