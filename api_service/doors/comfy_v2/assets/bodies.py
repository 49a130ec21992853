"""What clients of the Comfy API may say of a file."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema

from shared.files.asset_names import AssetName, Tags
from shared.files.content_hash import Hash

DAY_S = 86_400

Seconds = Annotated[int, Field(ge=60, le=7 * DAY_S)]
File = Annotated[Any, WithJsonSchema({"type": "string", "format": "binary"})]


class UploadFields(BaseModel, frozen=True, extra="forbid"):
    """What comes with a file. `file_path` is the name by which jobs find it, without folders.

    `content_type` must be there, and says nothing: what a file is shows in its bytes. The file must have the
    `expected_hash`, where one is given. It stays for `expires_in` seconds, or else as long as is usual here.
    """

    content_type: Annotated[str, Field(max_length=255)]
    file_path: AssetName
    expected_hash: Hash | None = None
    tags: Tags = ()
    expires_in: Seconds | None = None


class UploadForm(UploadFields, frozen=True):
    """A file, and what is said of it."""

    file: File


class FromHashBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """Which bytes that the user has already become an asset. Without `file_path` it has a name that they have."""

    hash: Hash
    file_path: AssetName | None = None
    tags: Annotated[Tags, Field(strict=False)] = ()
    expires_in: Seconds | None = None
