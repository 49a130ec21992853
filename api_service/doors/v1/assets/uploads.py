"""New assets: a file is uploaded or fetched, or an output of a job is kept."""

from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.assets.from_output import keep_output
from api_service.assets.keeping import Details, Kept
from api_service.assets.upload_keys import made_before
from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.idempotency_key import HEADER, SAYS_REPLAYED, idempotency_key, key_in, replay_headers
from api_service.doors.incoming import fields_in, owner_of, received, shelf_of
from api_service.doors.v1.assets.bodies import FromOutputBody, FromUrlBody, UploadFields, UploadForm
from api_service.doors.v1.assets.fetching import fetched, read_unless_form
from api_service.doors.v1.assets.views import ASSETS, AssetView
from api_service.http.answers import answer_with
from api_service.http.multipart import Form
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.jobs.job_queries import find_output
from api_service.refusals.codes import Code
from shared.files.asset_names import name_from
from shared.models import Scope


async def upload(request: ApiRequest[Any, Nothing]) -> Response:
    """Upload a file, or have it fetched from a URL.

    It is sent as `multipart/form-data`, in the field `file`, and goes to the store as it comes. Bytes that the user
    has uploaded before are kept once: 200 and the asset of that name, which then expires no sooner than this upload
    asks for. Under another name they are another asset over the same bytes.

    A JSON body names a `url` instead. The file is fetched before this answers, for five minutes at most; an https URL
    of a public host, which must answer 200 with the file and no redirect.

    With an `Idempotency-Key` the same request can be sent again, for as long as its asset is there: another one under
    the same key is refused.
    """
    if isinstance(request.body, FromUrlBody):
        sent = idempotency_key(request.http, request.body)
        made = await made_before_by(request, sent)
        return await answer(request, made or await fetched(request, request.body, sent))
    key_in(request.http)  # before a byte has come
    return await answer(request, await received(request, partial(details_in, request.http)))


def details_in(http: Request[Any], form: Form) -> Details:
    """What is said beside the file. Raises Refusal: invalid_fields."""
    fields, usual = fields_in(form, UploadFields), name_from(form.filename)
    named = fields.model_copy(update={"name": fields.name or usual})
    return named.details(usual)._replace(sent=idempotency_key(http, named))


async def made_before_by(request: ApiRequest[Any, Nothing], sent: IdempotencyKey | None) -> Kept | None:
    """What the same request made before. Raises Refusal: idempotency_key_reused."""
    services = request.services
    asset = await services.run(made_before, services.engine, request.identity.user_id, sent) if sent else None
    return None if asset is None else Kept(asset, is_new=False, replayed=True)


async def keep_an_output(request: ApiRequest[FromOutputBody, Nothing]) -> Response:
    """Make an asset of a job's output.

    No byte is copied: the output and the asset share them, and each stays when the other is deleted. Both count
    towards what the user has stored.
    """
    services, body = request.services, request.body
    await services.limits.count_upload(request.identity)
    sent = idempotency_key(request.http, body)
    if made := await made_before_by(request, sent):
        return await answer(request, made)
    output = await services.run(find_output, services.engine, body.job_id, str(body.number), request.identity.owner)
    name = body.name or name_from(output.filename)
    details = Details(name, body.tags, body.expires_at, job_id=body.job_id, sent=sent)
    return await answer(request, await services.run(keep_output, shelf_of(request), owner_of(request), output, details))


async def answer(request: ApiRequest[Any, Any], kept: Kept) -> Response:
    view = AssetView.of(kept.asset, await signed_urls(request.http, request.identity))
    status = HTTPStatus.CREATED if kept.is_new else HTTPStatus.OK
    return answer_with(view, status, Location=f"{ASSETS}/{view.id}", **replay_headers(replayed=kept.replayed))


WHERE = {"Location": "where the asset is"}
KEPT = {
    HTTPStatus.CREATED: Answer(AssetView, "the asset; its bytes are new", headers=WHERE),
    HTTPStatus.OK: Answer(
        AssetView,
        "the asset; the user had its bytes already",
        headers={**WHERE, **SAYS_REPLAYED},
    ),
}
ONCE = {HEADER: "1 to 255 visible ASCII characters: sent again, the same request makes nothing new"}
OF_KEYS = (RequestCode.INVALID_HEADER, Code.IDEMPOTENCY_KEY_REUSED)

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
        body=FromUrlBody,
        read=read_unless_form,
        problems=(
            RequestCode.INVALID_FORM,
            *OF_KEYS,
            Code.ASSET_TOO_LARGE,
            Code.HASH_MISMATCH,
            Code.QUOTA_EXCEEDED,
            Code.STORAGE_UNAVAILABLE,
        ),
        request_headers=ONCE,
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
            *OF_KEYS,
        ),
        request_headers=ONCE,
    ),
)
