"""What an archive says of the jobs in it: a line of JSON for each, after one about the archive."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.database.moments import Moment
from shared.files.asset_names import AssetName, Tags
from shared.files.content_hash import Hash
from shared.jobs.warnings import LONGEST_MESSAGE, MOST_WARNINGS
from shared.models import JobStatus, OutputKind
from shared.texts.labels import Labels
from shared.texts.storable import LARGEST_INTEGER

Text = Annotated[str, Field(max_length=1_000_000)]
Name = Annotated[str, Field(max_length=255)]
Path = Annotated[str, Field(max_length=600)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MediaType = Annotated[str, Field(max_length=127, pattern=r"^[!-.0-~]+/[ -~]*[!-~]$")]  # as a header may have it
Size = Annotated[int, Field(ge=0, le=2**62)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]


class ManifestHead(BaseModel, frozen=True):
    """The first line. Whatever reads a later `version` than it knows must not guess."""

    format: Literal["genonaut-archive"] = "genonaut-archive"
    version: Literal[1] = 1
    user_id: UUID
    created_at: datetime


class ArchivedThumbnail(BaseModel, frozen=True):
    """A thumbnail, and which entry of the archive it is."""

    file: Path
    width: Count
    height: Count
    size_bytes: Size
    sha256: Sha256


class ArchivedOutput(BaseModel):
    """An output, and which entry of the archive it is; none where the store had lost it."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    number: Count
    kind: OutputKind
    node_id: Name
    node_class: Name | None
    node_title: Name | None
    key: Name | None
    server_filename: Name | None
    type: Annotated[str, Field(max_length=20)] | None
    filename: Name
    media_type: MediaType
    size_bytes: Size
    sha256: Sha256
    width: Count | None
    height: Count | None
    duration_ms: Count | None
    thumbnail_note: Text | None
    created_at: Moment
    file: Path | None = None
    thumbnails: Annotated[dict[Annotated[str, Field(max_length=10)], ArchivedThumbnail], Field(max_length=20)] = Field(
        default_factory=dict
    )


class ArchivedInput(BaseModel):
    """An asset that a job took, and which entry of the archive it is; none where the store had lost it."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    id: UUID
    name: AssetName
    hash: Hash
    size_bytes: Size
    tags: Tags = ()
    file: Path | None = None


class ArchivedWarning(BaseModel, frozen=True):
    """What there is to know of its outputs."""

    code: Annotated[str, Field(max_length=64)]
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)]
    node_id: Name | None = None
    filename: Name | None = None


class ArchivedJob(BaseModel):
    """A job that has ended. `source` is what it is called wherever it is imported: the same for good."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    source: Annotated[str, Field(min_length=1, max_length=100)] = ""
    parent: Annotated[str, Field(max_length=100)] | None = None
    job_type: Annotated[str, Field(max_length=50)]
    status: JobStatus
    prompt: Text
    negative_prompt: Text | None
    checkpoint_model: Name | None
    lora_models: list[dict[str, Any]]
    width: Annotated[int, Field(ge=1, le=16384)] | None
    height: Annotated[int, Field(ge=1, le=16384)] | None
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None
    params: dict[str, Any]
    output_nodes: list[str] | None
    temp_outputs: bool
    requires: Labels | None = None
    workflow: dict[str, Any] | None
    assets: dict[str, dict[str, UUID]] | None
    extra_pnginfo: dict[str, Any] | None
    secret_names: list[str] | None
    workflow_key: Annotated[str, Field(max_length=16)] | None
    caller_metadata: dict[str, Any]
    priority: Annotated[int, Field(ge=0, le=9)]
    max_attempts: Annotated[int, Field(ge=1, le=100)] | None
    batch_id: UUID | None
    server: Name | None
    error_code: Annotated[str, Field(max_length=64)] | None
    error_message: Text | None
    error_details: dict[str, Any] | None
    warnings: Annotated[list[ArchivedWarning], Field(max_length=2 * MOST_WARNINGS)]
    created_at: Moment
    started_at: Moment | None
    generated_at: Moment | None
    completed_at: Moment | None
    outputs: Annotated[list[ArchivedOutput], Field(max_length=10_000)] = Field(default_factory=list)
    inputs: Annotated[list[ArchivedInput], Field(max_length=1000)] = Field(default_factory=list)
