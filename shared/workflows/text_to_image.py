"""Parameters become a ComfyUI graph in API format: pure, and the same every time."""

from collections.abc import Mapping
from typing import Any

from shared.workflows.parameters import TextToImage

Graph = dict[str, dict[str, Any]]

SAVE_NODE = "save"
GROWN_BY = 6  # pixels; ComfyUI's own default, so that no seam is seen


def text_to_image(parameters: TextToImage) -> Graph:
    """The graph of one picture: checkpoint, LoRAs in their order, prompts, what it begins with, sampler, VAE,
    SaveImage."""
    params = parameters.params
    graph: Graph = {"checkpoint": node("CheckpointLoaderSimple", ckpt_name=parameters.checkpoint_model)}
    model, clip, vae = ["checkpoint", 0], ["checkpoint", 1], ["checkpoint", 2]
    for position, lora in enumerate(parameters.lora_models, start=1):
        name = f"lora_{position}"
        graph[name] = node(
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=lora.name,
            strength_model=lora.strength_model,
            strength_clip=lora.strength_clip,
        )
        model, clip = [name, 0], [name, 1]
    if params.clip_skip > 1:
        graph["clip_skip"] = node("CLIPSetLastLayer", clip=clip, stop_at_clip_layer=-params.clip_skip)
        clip = ["clip_skip", 0]
    if params.vae_name is not None:
        graph["vae"] = node("VAELoader", vae_name=params.vae_name)
        vae = ["vae", 0]
    graph["prompt"] = node("CLIPTextEncode", text=parameters.prompt, clip=clip)
    graph["negative_prompt"] = node("CLIPTextEncode", text=parameters.negative_prompt or "", clip=clip)
    graph |= first_latent(parameters, vae)
    graph["sampler"] = node(
        "KSampler",
        model=model,
        positive=["prompt", 0],
        negative=["negative_prompt", 0],
        latent_image=["latent", 0],
        **params.model_dump(include={"seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"}),
    )
    graph["decode"] = node("VAEDecode", samples=["sampler", 0], vae=vae)
    graph[SAVE_NODE] = node("SaveImage", images=["decode", 0], filename_prefix="genonaut")
    return graph


def first_latent(parameters: TextToImage, vae: list[Any]) -> Graph:
    """The nodes up to what the sampler begins with: nothing, or a picture, of which a mask may keep some as it is."""
    if parameters.image is None:
        size = {"width": parameters.width, "height": parameters.height}
        return {"latent": node("EmptyLatentImage", **size, batch_size=parameters.batch_size)}
    graph = loaded("image", parameters.image, parameters)
    pixels = {"pixels": ["image_scaled", 0], "vae": vae}
    encoded = node("VAEEncode", **pixels)
    if parameters.mask is not None:
        graph |= loaded_mask(parameters)
        graph["mask_channel"] = node("ImageToMask", image=["mask_scaled", 0], channel="red")
        # What is made anew from nothing must not shine through; what is only changed must.
        if parameters.params.denoise >= 1:
            encoded = node("VAEEncodeForInpaint", **pixels, mask=["mask_channel", 0], grow_mask_by=GROWN_BY)
        else:
            graph["encoded"] = encoded
            encoded = node("SetLatentNoiseMask", samples=["encoded", 0], mask=["mask_channel", 0])
    if parameters.batch_size == 1:
        return {**graph, "latent": encoded}
    repeated = node("RepeatLatentBatch", samples=["begun", 0], amount=parameters.batch_size)
    return {**graph, "begun": encoded, "latent": repeated}


def loaded(name: str, given: Any, parameters: TextToImage) -> Graph:
    """A picture, scaled and cut to the size that is asked for; a mask stays in its place by that."""
    return {name: node("LoadImage", image=given), f"{name}_scaled": scaled(name, parameters)}


def loaded_mask(parameters: TextToImage) -> Graph:
    """A mask, as a picture whose white parts are made anew."""
    graph = loaded("mask", parameters.mask, parameters)
    if parameters.mask_areas != "transparent":
        return graph
    # ComfyUI loads what is transparent beside the picture, as a mask.
    shown = node("MaskToImage", mask=["mask", 1])
    return {**graph, "mask_shown": shown, "mask_scaled": scaled("mask_shown", parameters)}


def scaled(name: str, parameters: TextToImage) -> dict[str, Any]:
    size = {"width": parameters.width, "height": parameters.height}
    return node("ImageScale", image=[name, 0], upscale_method="lanczos", **size, crop="center")


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def with_filename_prefix(graph: Mapping[str, Mapping[str, Any]], prefix: str) -> Graph:
    """The graph with every node that saves under a prefix saving under this one.

    A prefix of its own makes a job's files its own (ComfyUI reuses the numbers of deleted files, and two servers
    on one folder overwrite each other) and makes ComfyUI save again where it would answer from its cache.
    """
    return {
        name: {**node, "inputs": {**node["inputs"], "filename_prefix": prefix}}
        if "filename_prefix" in node["inputs"]
        else dict(node)
        for name, node in graph.items()
    }


def work_units(graph: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """How much of the work each node is, by rough count: a sampler is its steps, anything else is one."""
    return {name: max(1, as_count(node["inputs"].get("steps"))) for name, node in graph.items()}


def as_count(value: Any) -> int:
    return value if isinstance(value, int) else 1
