"""What clients may send about an asset."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from api_service.assets.content_hash import FORM as HASH_FORM
from api_service.assets.filters import AssetFilters
from api_service.assets.keeping import Owner, Shelf
from api_service.assets.names import AssetName
from api_service.doors.binding import ApiRequest
from api_service.http.pages import PageQuery
from api_service.http.path_ids import uuid_in
from api_service.limits.rates import Limit
from api_service.refusals.assets import asset_not_found
from api_service.refusals.moments import Moment
from shared.jobs.urls import LARGEST_ID
from shared.workflows.parameters import without_nul


def hash_form(value: str) -> str:
    if not HASH_FORM.fullmatch(value):
        raise ValueError("must be `blake3:` and 64 hexadecimal digits in lower case")
    return value


Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(without_nul)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=16)]
Hash = Annotated[str, Field(max_length=100), AfterValidator(hash_form)]
Number = Annotated[int, Field(ge=0, le=LARGEST_ID, strict=True)]
File = Annotated[Any, WithJsonSchema({"type": "string", "format": "binary"})]


class UploadFields(BaseModel, frozen=True, extra="forbid"):
    """What may come with a file. Without `name` it is the last part of the file's own name.

    `tags` may be given several times. The file must have the `hash`, where one is given.
    """

    name: AssetName | None = None
    tags: Tags = ()
    expires_at: Moment | None = None
    hash: Hash | None = None


class UploadForm(UploadFields, frozen=True):
    """A file, and what is said of it."""

    file: File


class FromOutputBody(BaseModel, frozen=True, extra="forbid"):
    """Which output of which job, and what the asset is called: as the output, unless something else is said."""

    job_id: Number
    number: Number = 0
    name: AssetName | None = None
    tags: Tags = ()
    expires_at: Moment | None = None


class AssetsQuery(PageQuery, AssetFilters, frozen=True):
    """Which assets, and which page of them. `cursor` is from the page before, whose filters must be the same."""


def asset_id_in(path: Mapping[str, str]) -> UUID:
    """The asset's id in a path. Raises Refusal: asset_not_found, also for what is no id."""
    text = path["asset_id"]
    asset_id = uuid_in(text)
    if asset_id is None:
        raise asset_not_found(text)
    return asset_id


def shelf_of(request: ApiRequest[Any, Any]) -> Shelf:
    services = request.services
    return Shelf(services.engine, services.store, services.settings.asset_max_bytes, services.settings.asset_lifetime)


def owner_of(request: ApiRequest[Any, Any]) -> Owner:
    """The caller, with the limit of its key."""
    identity = request.identity
    return Owner(identity.user_id, request.services.limits.most(identity, Limit.STORED_BYTES))
