"""The graph that a job runs: its own, or the one that its parameters make."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shared.models import GenerationJob
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image


def graph_of(job: GenerationJob) -> Mapping[str, Any] | None:
    """The graph in ComfyUI's API format. None for a job of the former system whose parameters make none."""
    if job.workflow is not None:
        return job.workflow
    try:
        return text_to_image(TextToImage.from_job(job))
    except ValidationError:
        return None
