"""New assets: a file is uploaded, or bytes that the user has already are named by their hash."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.assets.keeping import Details, Kept, has_content, keep_known
from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.comfy_v2.assets.bodies import FromHashBody, UploadFields, UploadForm
from api_service.doors.comfy_v2.assets.views import AssetView
from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.doors.comfy_v2.names.places import ASSETS, AnyQuery
from api_service.doors.comfy_v2.names.used_once import ONCE, used_once
from api_service.doors.incoming import fields_in, owner_of, received, shelf_of
from api_service.http.answers import answer_with
from api_service.http.multipart import Form
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from shared.files.content_hash import FORM as HASH_FORM
from shared.models import Scope

NO_BLOB = "there are no bytes with this hash among those that this user has uploaded; upload them"


async def upload(request: ApiRequest[Nothing, AnyQuery]) -> Response:
    """Upload a file.

    Bytes that the user has already are kept once: 200. Under the same name they are the same asset, which then stays
    as long as the later of both asked for; so the same upload may be sent again without an Idempotency-Key.
    """
    sent = used_once(request.http)
    kept = await received(request, lambda form: details_in(form)._replace(sent=sent))
    return await answer(request, kept, created_new=kept.is_new)


def details_in(form: Form) -> Details:
    """What is said beside the file. Raises Refusal: invalid_fields."""
    fields = fields_in(form, UploadFields)
    return Details(fields.file_path, fields.tags, hash=fields.expected_hash, lifetime=lifetime_of(fields.expires_in))


async def from_hash(request: ApiRequest[FromHashBody, AnyQuery]) -> Response:
    """Make an asset of bytes that the user has already.

    An asset of that name is answered as it is: 200.
    """
    services, body = request.services, request.body
    await services.limits.count_upload(request.identity)
    details = Details(body.file_path or "", body.tags, lifetime=lifetime_of(body.expires_in))
    kept = await services.run(keep_known, shelf_of(request), owner_of(request), body.hash, details)
    if kept is None:
        raise Refusal(ComfyCode.BLOB_NOT_FOUND, NO_BLOB)
    return await answer(request, kept, created_new=False)


async def by_hash(request: ApiRequest[Nothing, AnyQuery]) -> Response:
    """Ask whether the user has bytes with this hash."""
    services, content_hash = request.services, request.path["hash"]
    known = HASH_FORM.fullmatch(content_hash) is not None
    if not known or not await services.run(has_content, services.engine, request.identity.user_id, content_hash):
        raise Refusal(ComfyCode.BLOB_NOT_FOUND, NO_BLOB)
    return Response()


def lifetime_of(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


async def answer(request: ApiRequest[Any, AnyQuery], kept: Kept, *, created_new: bool) -> Response:
    """The asset. `created_new`: its bytes were."""
    view = AssetView.of(kept.asset, await signed_urls(request.http, request.identity), created_new=created_new)
    return answer_with(view, HTTPStatus.CREATED if kept.is_new else HTTPStatus.OK, Location=f"{ASSETS}/{view.id}")


WHERE = {"Location": "where the asset is"}

OPERATIONS = (
    Operation(
        "postAssets",
        "POST",
        ASSETS,
        upload,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(AssetView, "the asset; its bytes are new", headers=WHERE),
            HTTPStatus.OK: Answer(AssetView, "the asset; the user had its bytes already", headers=WHERE),
        },
        tag="assets",
        form=UploadForm,
        query=AnyQuery,
        problems=(
            RequestCode.INVALID_FORM,
            RequestCode.UNSUPPORTED_MEDIA_TYPE,
            Code.INVALID_FIELDS,
            Code.ASSET_TOO_LARGE,
            Code.HASH_MISMATCH,
            Code.STORAGE_UNAVAILABLE,
            Code.IDEMPOTENCY_KEY_REUSED,
        ),
        request_headers=ONCE,
    ),
    Operation(
        "assetFromHash",
        "POST",
        f"{ASSETS}/from-hash",
        from_hash,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(AssetView, "the asset, under a new name", headers=WHERE),
            HTTPStatus.OK: Answer(AssetView, "the asset, which was there", headers=WHERE),
        },
        tag="assets",
        body=FromHashBody,
        query=AnyQuery,
        problems=(ComfyCode.BLOB_NOT_FOUND,),
    ),
    Operation(
        "headAssetByHash",
        "HEAD",
        f"{ASSETS}/by-hash/{{hash}}",
        by_hash,
        Scope.READ,
        {HTTPStatus.OK: Answer(None, "the user has them", media_types=())},
        tag="assets",
        query=AnyQuery,
        problems=(ComfyCode.BLOB_NOT_FOUND,),
    ),
)
