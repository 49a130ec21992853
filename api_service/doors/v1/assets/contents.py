"""The bytes of an asset."""

from starlette.responses import Response

from api_service.assets.asset_queries import find_asset
from api_service.doors.binding import ApiRequest, by_key_or_url
from api_service.doors.v1.assets.bodies import asset_id_in
from api_service.doors.v1.assets.views import ASSETS
from api_service.http.downloads import FILE_ANSWERS, RANGED, StoredFile, send_file
from api_service.http.operations import Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.http.signed_urls import FileQuery
from api_service.refusals.codes import Code
from shared.models import Scope


async def content(request: ApiRequest[Nothing, FileQuery]) -> Response:
    """Download an asset: its bytes, or a range of them.

    The URL that an asset shows is signed, and needs no key.
    """
    services, asset_id = request.services, asset_id_in(request.path)
    asset = await services.run(find_asset, services.engine, asset_id, request.identity.owner)
    file = StoredFile(asset.path, asset.media_type, asset.name, tag=asset.hash)
    return await services.run(send_file, request.http, services.store, file)


OPERATIONS = (
    Operation(
        "downloadAsset",
        "GET",
        f"{ASSETS}/{{asset_id}}/content",
        content,
        Scope.READ,
        FILE_ANSWERS,
        tag="assets",
        query=FileQuery,
        identify=by_key_or_url,
        problems=(
            Code.ASSET_NOT_FOUND,
            Code.OUTPUT_GONE,
            Code.STORAGE_UNAVAILABLE,
            RequestCode.RANGE_NOT_SATISFIABLE,
        ),
        request_headers=RANGED,
    ),
)
