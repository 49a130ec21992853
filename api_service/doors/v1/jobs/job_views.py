"""What clients see of a job: one model a thing, made from rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.server.root_path import below_root
from api_service.http.signed_urls import SignedUrls
from shared.jobs.job_events import output_data
from shared.jobs.urls import job_url
from shared.jobs.warnings import WarningCode
from shared.models import GenerationJob, JobAttempt, JobOutput, JobStatus, OutputKind
from shared.texts.words import also_newer
from shared.workflows.opaque_names import output_name
from shared.workflows.parameters import Sampling


class OutputView(BaseModel, frozen=True):
    """A stored file. `thumbnails` maps a size in px to the URL of a picture that fits in a square of it. These URLs and
    `url` work without a key until `url_expires_at`.

    A workflow may name it by its `id` where a node takes a file: `{"__type": "core/ASSET", "info": {"id": "out_..."}}`.
    `node_id`, `node_class` and `node_title` say which node it is from, and `key` under what that showed it. A file of
    ComfyUI's has the `server_filename` and the `type` (`output` or `temp`) that it had there; a text has neither. All
    but the node's id are null for outputs of older versions.
    """

    id: str
    number: int
    kind: OutputKind
    node_id: str
    node_class: str | None
    node_title: str | None
    key: str | None
    type: str | None
    server_filename: str | None
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration_ms: int | None
    url: str
    url_expires_at: datetime
    thumbnails: dict[str, str]
    thumbnail_note: str | None

    @classmethod
    def of(cls, output: JobOutput, urls: SignedUrls) -> Self:
        shown = {name: getattr(output, name) for name in SHOWN}
        name = output_name(output.job_id, output.number)
        return cls(id=name, **with_signed_urls(output_data(output), urls), **shown)


def with_signed_urls(data: Mapping[str, Any], urls: SignedUrls) -> dict[str, Any]:
    """What is shown of an output, with URLs in the place of its addresses."""
    return {
        **data,
        "url": urls.url(data["url"]),
        "url_expires_at": urls.expires_at,
        "thumbnails": {size: urls.url(address) for size, address in data["thumbnails"].items()},
    }


# Beside what events tell of an output.
SHOWN = (
    *("filename", "duration_ms", "thumbnail_note"),
    *("node_id", "node_class", "node_title", "key", "type", "server_filename"),
)


class ErrorView(BaseModel, frozen=True):
    """Why a job failed: a stable code, a sentence, and the facts, such as the node."""

    code: str
    message: str
    details: dict[str, Any]


class WarningView(BaseModel, frozen=True):
    """What to know of a completed job's outputs: a stable code, a sentence, and which node and file it is about."""

    code: Annotated[WarningCode, also_newer(WarningCode)]
    message: str
    node_id: str | None
    filename: str | None


class Links(BaseModel, frozen=True):
    self: str
    cancel: str
    events: str


class JobView(BaseModel, frozen=True):
    """A job as it is now. `sampler_params` and the rest of `params` are what is run, with every default filled in; of a
    job that was submitted as a workflow, `workflow` is, with every seed drawn. `assets` are the ids of those that its
    inputs take, by node and by input. `output_nodes` are those whose outputs are kept, null
    for all. Only servers with every label of `requires` run it. Of a `pinned` job nothing is cleaned up. `warnings` is
    what to know of the outputs of a completed job, and `failure` the fingerprint of the group that a failed one is
    in."""

    id: int
    user_id: UUID
    job_type: str
    status: JobStatus
    prompt: str
    negative_prompt: str | None
    checkpoint_model: str | None
    lora_models: list[dict[str, Any]]
    width: int | None
    height: int | None
    batch_size: int | None
    sampler_params: dict[str, Any]
    params: dict[str, Any]
    message_id: str | None
    comfyui_prompt_id: str | None
    attempt: int
    retries: int
    run_after: datetime | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    content_id: int | None
    priority: int
    pinned: bool
    metadata: dict[str, Any]
    deadline_at: datetime | None
    max_attempts: int | None
    batch_id: UUID | None
    schedule_id: UUID | None
    parent_id: int | None
    workflow: dict[str, Any] | None
    assets: dict[str, dict[str, str]] | None
    output_nodes: list[str] | None
    temp_outputs: bool
    requires: list[str] | None
    error: ErrorView | None
    failure: str | None
    outputs: list[OutputView]
    warnings: list[WarningView]
    legacy: dict[str, Any] | None
    links: Links

    @classmethod
    def of(cls, job: GenerationJob, outputs: Sequence[OutputView] = ()) -> Self:
        return cls(**job_fields(job, outputs))


def job_fields(job: GenerationJob, outputs: Sequence[OutputView] = ()) -> dict[str, Any]:
    """The fields of a JobView."""
    return {
        **{name: getattr(job, name) for name in COPIED},
        "sampler_params": {name: value for name, value in job.params.items() if name in SAMPLING},
        "params": {name: value for name, value in job.params.items() if name not in SAMPLING},
        "metadata": job.caller_metadata,
        "error": error_of(job),
        "outputs": list(outputs),
        "links": links_to(job.id),
    }


DERIVED = {"sampler_params", "params", "metadata", "error", "outputs", "links"}
SAMPLING = frozenset(Sampling.model_fields)
COPIED = tuple(name for name in JobView.model_fields if name not in DERIVED)


def error_of(job: GenerationJob | JobAttempt) -> ErrorView | None:
    """The error of a failed job or attempt. Rows of the old system have a message only."""
    if job.error_message is None:
        return None
    code = job.error_code or "unknown"
    return ErrorView(code=code, message=job.error_message, details=job.error_details or {})


def links_to(job_id: int) -> Links:
    itself = below_root(job_url(job_id))
    return Links(self=itself, cancel=f"{itself}/cancel", events=below_root(f"/ws/jobs/{job_id}"))


class SnapshotView(BaseModel, frozen=True):
    """The first message to a watcher: the job, how many of its events that includes, and its progress."""

    type: str = "snapshot"
    job_id: int
    sequence: int
    job: JobView
    progress: dict[str, Any] | None
