"""The graph of a job, as it is sent to ComfyUI under a prompt id."""

from pydantic import ValidationError

from shared.jobs.errors import WorkflowRejected
from shared.models import GenerationJob
from shared.workflows.image_cache import saving_anew
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import Graph, text_to_image, with_filename_prefix


def graph_of(job: GenerationJob, prompt_id: str) -> Graph:
    """The job's graph, saving under a prefix that no other prompt has, and never what another prompt has made. Raises
    WorkflowRejected."""
    prefix = f"genonaut-{prompt_id}"
    if job.workflow is not None:
        return saving_anew(with_filename_prefix(job.workflow, prefix), prompt_id)
    try:
        parameters = TextToImage.from_job(job)
    except ValidationError as error:
        raise WorkflowRejected(f"the job's parameters make no workflow: {error}") from error
    return with_filename_prefix(text_to_image(parameters), prefix)
