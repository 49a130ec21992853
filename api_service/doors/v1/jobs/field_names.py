"""How clients of this API call the inputs of a job's graph."""

from api_service.submit.job_request import JobRequest
from shared.workflows.parameters import Sampling, TextToImage


def field_name(request: JobRequest, node_id: str | None, part: str) -> str:
    """The field of the body that an input was made from: `workflow.4.inputs.ckpt_name`, or `lora_models[1].name`."""
    if request.parameters is None:
        return ".".join(filter(None, ("workflow", node_id, part)))
    return parameter_name(node_id or "", part.removeprefix("inputs."))


def parameter_name(node_id: str, name: str) -> str:
    if node_id.startswith("lora_"):
        position = f"lora_models[{int(node_id.removeprefix('lora_')) - 1}]"
        return {"lora_name": f"{position}.name", "class_type": position}.get(name, f"{position}.{name}")
    match node_id:
        case "checkpoint":
            return "checkpoint_model"
        case "vae":
            return "params.vae_name"
        case "clip_skip":
            return "params.clip_skip"
        case "sampler" if name in Sampling.model_fields:
            return f"sampler_params.{name}"
        case "latent" if name in TextToImage.model_fields:
            return name
        case "image" | "mask":
            return node_id
        case "prompt" | "negative_prompt":
            return node_id
        case _:
            return "body"
