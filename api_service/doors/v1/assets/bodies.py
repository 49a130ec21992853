"""What clients may send about an asset."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, WithJsonSchema

from api_service.assets.filters import AssetFilters
from api_service.assets.keeping import Details
from api_service.http.pages import PageQuery
from api_service.http.path_ids import uuid_in
from api_service.refusals.assets import asset_not_found
from shared.database.moments import Moment
from shared.files.asset_names import AssetName, Tags
from shared.files.content_hash import Hash
from shared.outgoing.destination import LONGEST_URL
from shared.texts.storable import LARGEST_ID

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

    def details(self, usual: str) -> Details:
        """`usual` is what it is called if nothing is said."""
        return Details(self.name or usual, self.tags, self.expires_at, self.hash)


class UploadForm(UploadFields, frozen=True):
    """A file, and what is said of it."""

    file: File


class FromUrlBody(UploadFields, frozen=True):
    """Where a file is that is to be fetched, and what may come with it, as with a file that is uploaded.

    Without `name` it is the last part of the URL's path.
    """

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]


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
