"""A job as the core takes it: what to run, and when. Each door builds one; it becomes a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Self
from uuid import UUID, uuid4

from api_service.fleet.seeds import Seed
from shared.database.fast_rows import new_row
from shared.models import GenerationJob, JobStatus
from shared.models.jobs.generation_job import DEFAULT_PRIORITY
from shared.webhooks.own import OwnWebhook
from shared.workflows.fingerprint import Shape, shape_of
from shared.workflows.parameters import TextToImage
from shared.workflows.references import AssetsByInput
from shared.workflows.shape import first_checkpoint, prompt_text
from shared.workflows.text_to_image import text_to_image

IMAGE, WORKFLOW = "image", "workflow"


@dataclass(frozen=True)
class JobOptions:
    """When a job runs, how urgent it is, how often it is tried, which of its outputs are kept, and what its owner notes
    on it. `run_after` and `deadline_at` are moments of the database's clock."""

    priority: int = DEFAULT_PRIORITY
    run_after: datetime | None = None  # None: at once
    deadline_at: datetime | None = None
    max_attempts: int | None = None  # None: as many as the deployment allows
    metadata: Mapping[str, Any] = field(default_factory=dict)
    previews: bool = False
    output_nodes: Sequence[str] | None = None  # None: the outputs of all nodes
    temp_outputs: bool = True
    requires: Sequence[str] = ()  # labels that its server must have
    secrets: str | None = None  # encrypted
    secret_names: Sequence[str] | None = None
    webhook: OwnWebhook | None = None
    pinned: bool = False  # nothing of it is cleaned up
    extra_pnginfo: Mapping[str, Any] | None = None  # goes with the prompt, into the pictures that it makes


@dataclass(frozen=True)
class JobRequest:
    """A graph in ComfyUI's API format, and the parameters it was made from, if it was.

    A seed of -1 is drawn when the job is checked; `seed` may ask for all of a workflow's seeds to be drawn anew, or to
    be one number. `place` is where the job is in its request: `jobs[3].` `notes` are what to note on it from the start.
    `assets` are those that its inputs take, by node and input: found when the job is checked, or when its parent was.
    """

    graph: Mapping[str, Any]
    parameters: TextToImage | None = None
    options: JobOptions = JobOptions()
    place: str = ""
    seed: Seed = "same"
    notes: Sequence[str] = ()
    assets: AssetsByInput = field(default_factory=dict)

    @classmethod
    def of(cls, parameters: TextToImage, options: JobOptions, place: str = "") -> Self:
        """A picture from words: its graph is made here, once."""
        return cls(text_to_image(parameters), parameters, options, place)

    @property
    def job_type(self) -> str:
        return WORKFLOW if self.parameters is None else IMAGE

    @cached_property
    def shape(self) -> Shape:
        """What decides how long it takes. Only of a graph that was checked."""
        return shape_of(self.graph)

    @property
    def fingerprint(self) -> str:
        """Jobs with the same fingerprint do the same work. Only of a graph that was checked."""
        return self.shape.fingerprint


def new_job(request: JobRequest, owner: UUID, **origin: Any) -> GenerationJob:
    """A row that is yet to be recorded. A job that starts later has no message until its time has come.

    `origin` are columns that say how it came, such as its batch.
    """
    options = request.options
    return new_row(
        GenerationJob,
        user_id=owner,
        status=JobStatus.QUEUED,
        message_id=None if options.run_after else str(uuid4()),
        run_after=options.run_after,
        deadline_at=options.deadline_at,
        priority=options.priority,
        max_attempts=options.max_attempts,
        caller_metadata=dict(options.metadata),
        pinned=options.pinned,
        output_nodes=None if options.output_nodes is None else list(options.output_nodes),
        temp_outputs=options.temp_outputs,
        requires=list(options.requires) or None,
        extra_pnginfo=None if options.extra_pnginfo is None else dict(options.extra_pnginfo),
        secrets=options.secrets,
        secret_names=None if options.secret_names is None else list(options.secret_names),
        job_type=request.job_type,
        workflow_key=request.fingerprint,
        shape=request.shape.name,
        work=request.shape.work,
        assets={node_id: dict(by_name) for node_id, by_name in request.assets.items()} or None,
        **what_to_run(request),
        **origin,
    )


def what_to_run(request: JobRequest) -> dict[str, Any]:
    previews = request.options.previews
    if (asked := request.parameters) is not None:
        params = asked.params.model_copy(update={"previews": previews})
        return asked.model_copy(update={"params": params}).columns()
    return {
        "workflow": dict(request.graph),
        "prompt": prompt_text(request.graph),
        "checkpoint_model": first_checkpoint(request.graph),
        "params": {"previews": True} if previews else {},
    }
