"""`/etn`: the addresses that comfyui-tooling-nodes add to ComfyUI, as far as Krita AI Diffusion asks them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import Field
from starlette.responses import Response

from api_service.assets.keeping import Details
from api_service.doors.incoming import one_upload, take_whole_body
from api_service.doors.native.asking.operations import AnyBody, AnyQuery, NativeOperation, NativeRequest
from api_service.doors.native.asking.operations import operation as native_operation
from api_service.http.answers import Json
from api_service.http.downloads import StoredFile, send_file
from api_service.http.operations import Access
from api_service.http.problems import STATUSES, detail_of, headers_of
from api_service.prompts.cached_pictures import PICTURE_ID, asset_name, find_picture
from api_service.prompts.files import make_newest
from api_service.refusals.assets import wrong_field
from api_service.refusals.refusal import Refusal
from shared.files.file_kinds import kind_of
from shared.models import AssetKind, Scope

KEPT = timedelta(days=1)  # its client sends a picture again with each prompt
MOST_MODELS = 1000  # on a page
TRANSLATES_NOT = "texts are not translated here"
TAKES_NO_MODELS = "models are not uploaded through this service; ask who runs it to put the file on its servers"


@dataclass(frozen=True)
class ToolingOperation(NativeOperation):
    """An operation whose refusals are told as these nodes tell theirs: `{"error": "a sentence"}`."""

    def refused(self, refusal: Refusal, rate: Mapping[str, str]) -> Response:
        said = "; ".join(f"{one.field} {one.message}" for one in refusal.errors) or detail_of(refusal)
        return failed(STATUSES[refusal.code], said, {**rate, **headers_of(refusal)})


def failed(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    response = Json({"error": sentence})
    response.status_code = status
    response.headers.update(headers or {})
    return response


class PageQuery(AnyQuery):
    offset: int = Field(0, ge=0, le=2**31)
    limit: int | None = Field(None, ge=1)


class SubscribeBody(AnyBody):
    client_id: Any = None


async def show_model_info(request: NativeRequest) -> Response:
    """What the models of a folder are, a page of them. Of a folder that no server told of, nothing is known: then
    clients go by the names that `/object_info` lists."""
    infos = await request.services.run(request.services.model_infos.current)
    folder, query = request.path.get("folder", "checkpoints"), request.query
    models = infos.get(folder)
    if models is None:
        return failed(HTTPStatus.BAD_REQUEST, "no server has told what its models of this folder are")
    limit = min(query.limit or MOST_MODELS, MOST_MODELS)
    page: dict[str, Any] = dict(list(models.items())[query.offset : query.offset + limit])
    if query.limit is not None:
        page["_meta"] = {"offset": query.offset, "count": len(page), "total": len(models)}
    return Json(page)


async def list_languages(_request: NativeRequest) -> Response:
    """None: what is not offered, nobody asks to be translated."""
    return Json([])


async def translate(_request: NativeRequest) -> Response:
    """Its client goes on with the text as it is."""
    return failed(HTTPStatus.NOT_FOUND, TRANSLATES_NOT)


async def put_picture(request: NativeRequest) -> Response:
    """Keep a picture of the caller under an id of its own, for a day. What came last under an id is meant by it."""
    picture_id = request.path["picture_id"]
    if not PICTURE_ID.fullmatch(picture_id):
        raise wrong_field("id", "has 1 to 100 letters, digits, - and _")
    services, largest = request.services, request.services.settings.asset_max_bytes
    usual = services.settings.asset_lifetime
    async with one_upload(request, largest) as sink:
        await take_whole_body(request, sink, largest)
        if kind_of(sink.receiving.head).kind is not AssetKind.IMAGE:
            raise wrong_field("the body", "must be a picture")
        details = Details(asset_name(picture_id), lifetime=min(usual, KEPT) if usual else KEPT)
        kept = await services.run(sink.receiving.finish, details)
        await services.run(make_newest, services.engine, kept.asset.id)
    response = Json({"status": "success" if kept.is_new else "cached"})
    response.status_code = HTTPStatus.CREATED if kept.is_new else HTTPStatus.OK
    return response


async def show_picture(request: NativeRequest) -> Response:
    """A picture by its id: a result of the caller's prompts, or what the caller has put there."""
    services = request.services
    found = await services.run(find_picture, services.engine, request.identity.user_id, request.path["picture_id"])
    if found is None:
        return failed(HTTPStatus.NOT_FOUND, "there is no such picture among the caller's own")
    return await services.run(send_file, request.http, services.store, StoredFile(*found))


async def refuse_model(_request: NativeRequest) -> Response:
    """Its client shows the sentence. It sends no key with this, so none is asked for."""
    return failed(HTTPStatus.FORBIDDEN, TAKES_NO_MODELS)


async def follow_workflows(_request: NativeRequest) -> Response:
    """An editor would publish its workflows to those who have subscribed. None is served here, so none comes."""
    return Json({"status": "success"})


operation = partial(native_operation, kind=ToolingOperation)

OPERATIONS = (
    operation("GET", "/etn/model_info", show_model_info, Scope.READ, query=PageQuery),
    operation("GET", "/etn/model_info/{folder}", show_model_info, Scope.READ, query=PageQuery),
    operation("GET", "/etn/languages", list_languages, Scope.READ),
    operation("GET", "/etn/translate/{language}/{text:path}", translate, Scope.READ),
    operation("PUT", "/etn/image/{picture_id}", put_picture, Scope.WRITE),
    operation("GET", "/etn/image/{picture_id}", show_picture, Scope.READ),
    operation("PUT", "/etn/upload/{folder}/{filename}", refuse_model, Access.NO_KEY),
    operation("POST", "/etn/workflow/subscribe", follow_workflows, Scope.READ, body=SubscribeBody),
    operation("POST", "/etn/workflow/unsubscribe", follow_workflows, Scope.READ, body=SubscribeBody),
)
