"""Assets that are there: listed, shown and deleted."""

from http import HTTPStatus
from uuid import UUID

from starlette.responses import Response

from api_service.assets.asset_queries import ASSET_CURSORS, delete_with_bytes, find_asset, page_of_assets
from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.v1.assets.bodies import AssetsQuery, asset_id_in
from api_service.doors.v1.assets.views import ASSETS, AssetPage, AssetView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.jobs.cursors import digest_of
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.codes import Code
from shared.models import Scope


async def list_assets(request: ApiRequest[Nothing, AssetsQuery]) -> AssetPage:
    """List assets, the newest first.

    The filters hold together; `kind` may be given several times, for any of them.
    """
    query, services = request.query, request.services
    owner = owner_asked_for(request.identity, query.user_id)
    digest = list_digest(query, owner)
    after = ASSET_CURSORS.after(query.cursor, digest)
    found = await services.read(page_of_assets, query, owner, after, query.limit + 1)
    shown, cursor = ASSET_CURSORS.page(found, query.limit, digest)
    urls = await signed_urls(request.http, request.identity)
    items = [AssetView.of(asset, urls) for asset in shown]
    return AssetPage(items=items, next=next_page(request.http, cursor), cursor=cursor)


def list_digest(query: AssetsQuery, owner: UUID | None) -> bytes:
    """What a cursor of this list is bound to: the filters by their meaning, and the owner."""
    chosen = query.model_copy(update={"kind": tuple(sorted(set(query.kind)))})
    return digest_of(f"assets {owner} {chosen.model_dump_json(exclude={'limit', 'cursor', 'user_id'})}")


async def show(request: ApiRequest[Nothing, Nothing]) -> AssetView:
    """Show an asset."""
    services, asset_id = request.services, asset_id_in(request.path)
    asset = await services.run(find_asset, services.engine, asset_id, request.identity.owner)
    return AssetView.of(asset, await signed_urls(request.http, request.identity))


async def delete(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Delete an asset.

    Its bytes go with the last asset of the user that has them. One that a job needs which has not ended stays.
    """
    services, asset_id = request.services, asset_id_in(request.path)
    await services.run(delete_with_bytes, services.engine, services.store, asset_id, request.identity.owner)
    return Response(status_code=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        "listAssets",
        "GET",
        ASSETS,
        list_assets,
        Scope.READ,
        {HTTPStatus.OK: Answer(AssetPage, "a page of assets, possibly empty")},
        tag="assets",
        query=AssetsQuery,
        problems=(Code.INVALID_CURSOR,),
    ),
    Operation(
        "showAsset",
        "GET",
        f"{ASSETS}/{{asset_id}}",
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(AssetView, "the asset")},
        tag="assets",
        problems=(Code.ASSET_NOT_FOUND,),
    ),
    Operation(
        "deleteAsset",
        "DELETE",
        f"{ASSETS}/{{asset_id}}",
        delete,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the asset is gone", media_types=())},
        tag="assets",
        problems=(Code.ASSET_NOT_FOUND, Code.ASSET_IN_USE),
    ),
)
