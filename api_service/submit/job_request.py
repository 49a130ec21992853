"""A job as the core takes it: what to run, and when. Each door builds one from what its clients send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from shared.models.generation_job import DEFAULT_PRIORITY
from shared.workflows import duration_key
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image

IMAGE, WORKFLOW = "image", "workflow"


@dataclass(frozen=True)
class JobOptions:
    """When a job runs, how urgent it is, how often it is tried, and what its owner notes on it."""

    priority: int = DEFAULT_PRIORITY
    run_after: datetime | None = None  # None: at once
    deadline_at: datetime | None = None
    max_attempts: int | None = None  # None: as many as the deployment allows
    metadata: Mapping[str, Any] = field(default_factory=dict)
    previews: bool = False


@dataclass(frozen=True)
class JobRequest:
    """A graph in ComfyUI's API format, and the parameters it was made from, if it was.

    A seed of -1 is drawn when the job is recorded. `place` is where the job is in its request: `jobs[3].`
    """

    graph: Mapping[str, Any]
    parameters: TextToImage | None = None
    options: JobOptions = JobOptions()
    place: str = ""

    @classmethod
    def of(cls, parameters: TextToImage, options: JobOptions, place: str = "") -> Self:
        """A picture from words: its graph is made here, once."""
        return cls(text_to_image(parameters), parameters, options, place)

    @property
    def job_type(self) -> str:
        return WORKFLOW if self.parameters is None else IMAGE

    @cached_property
    def workflow_key(self) -> str:
        """Jobs with the same key take about as long. Only of a graph that was checked."""
        return duration_key.workflow_key(self.graph)
