"""How clients of this API call the inputs of a picture's graph."""

from api_service.submit.job_request import JobRequest
from shared.workflows.parameters import Sampling


def field_name(_request: JobRequest, node_id: str | None, part: str) -> str:
    """The field of the body that an input was made from."""
    name = part.removeprefix("inputs.")
    match node_id:
        case "checkpoint":
            return "model"
        case "sampler" if name == "sampler_name":
            return "sampler"
        case "sampler" if name in Sampling.model_fields:
            return name
        case "latent" | "image_scaled" | "mask_scaled":
            return "size"
        case "image" | "mask" | "prompt" | "negative_prompt":
            return node_id
        case _:
            return "body"
