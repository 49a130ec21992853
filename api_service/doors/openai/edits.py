"""Pictures from a picture, and from words."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.assets.keeping import Details
from api_service.doors.binding import ApiRequest
from api_service.doors.idempotency_key import idempotency_key, key_in
from api_service.doors.incoming import FileSink, fields_in, uploads_at_once
from api_service.doors.openai.answers.promises import OF_PICTURES, SENT_ALONG, pictures
from api_service.doors.openai.asking.bodies import DENOISE, EditFields, EditForm
from api_service.doors.openai.asking.choosing import chosen_model
from api_service.doors.openai.asking.measuring import measured
from api_service.doors.openai.asking.places import EDITS, AnyQuery
from api_service.doors.openai.asking.sizes import size_of
from api_service.doors.openai.making import Wanted, make
from api_service.http.multipart import read_files
from api_service.http.operations import Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.refusals.assets import wrong_field
from api_service.refusals.codes import Code
from shared.files.file_kinds import kind_of
from shared.models import AssetKind, Scope
from shared.workflows.references import reference_to

KIND = "image_edit"
KEPT_FOR = timedelta(days=7)  # so long such a job can be submitted again
ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


async def edit(request: ApiRequest[Nothing, AnyQuery]) -> Response:
    """Change a picture.

    It is sent as `multipart/form-data`: one `image`, and a `mask` whose transparent parts are made anew; of one without
    transparency its white parts. Both become assets for a week. Else it is as pictures from words are.
    """
    services, largest = request.services, request.services.settings.asset_max_bytes
    key_in(request.http)  # before a byte has come
    async with uploads_at_once(request, 2, largest) as (image, mask):
        sinks = {"image": image, "image[]": image, "mask": mask}
        form = await read_files(request.http, sinks, 2 * largest)
        fields = fields_in(form, EditFields)
        known = await services.run(services.capabilities.current)
        model = chosen_model(fields.model, known, services.settings.model_aliases)
        has_mask = mask.receiving.file is not None
        sent = {"image": image, "mask": mask} if has_mask else {"image": image}
        for field, sink in sent.items():
            must_be_picture(sink, field)
        files: dict[str, Any] = {field: await kept(request, sink) for field, sink in sent.items()}
    shown = measured(image.receiving.head)
    size = size_of(fields.size, shown.size if shown else None)
    denoise = fields.denoise if has_mask or fields.denoise is not None else DENOISE[fields.input_fidelity]
    areas = {"mask_areas": areas_of(mask)} if has_mask else {}
    parameters = fields.parameters(model, size, denoise=denoise, **files, **areas)
    key = idempotency_key(request.http, fields.of_files([str(sink.receiving.hash) for sink in sent.values()]))
    return await make(request, Wanted(fields, parameters, key, KIND))


def must_be_picture(sink: FileSink, field: str) -> None:
    """Raises Refusal: invalid_fields."""
    if kind_of(sink.receiving.head).kind is not AssetKind.IMAGE:
        raise wrong_field(field, "must be a picture: PNG, JPEG or WEBP")


async def kept(request: ApiRequest[Any, Any], sink: FileSink) -> dict[str, Any]:
    """A reference to the asset that a picture has become. Raises Refusal."""
    ending = ENDINGS.get(kind_of(sink.receiving.head).media_type, "")
    # A name that no prompt means by chance: of equal names it would be the newest.
    name = f"edit-{str(sink.receiving.hash)[-16:]}{ending}"
    made = await request.services.run(sink.receiving.finish, Details(name, lifetime=KEPT_FOR))
    return reference_to(str(made.asset.id))


def areas_of(mask: FileSink) -> str:
    """Which parts of a mask are meant: what is transparent, if there may be any."""
    found = measured(mask.receiving.head)
    return "transparent" if found is None or found.has_alpha else "white"


OPERATIONS = (
    Operation(
        "createImageEdit",
        "POST",
        EDITS,
        edit,
        Scope.WRITE,
        {HTTPStatus.OK: pictures(KIND)},
        tag="images",
        form=EditForm,
        query=AnyQuery,
        problems=(
            *OF_PICTURES,
            RequestCode.INVALID_FORM,
            RequestCode.UNSUPPORTED_MEDIA_TYPE,
            Code.INVALID_FIELDS,
            Code.ASSET_TOO_LARGE,
        ),
        request_headers=SENT_ALONG,
        submits=True,
    ),
)
