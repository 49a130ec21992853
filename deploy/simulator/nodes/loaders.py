"""Loaders and text encoders: they name a model and words, and take their time."""

from deploy.simulator.nodes.interface import Effort, Inputs, Node, Result, Shelf, Workbench
from deploy.simulator.nodes.values import Conditioning, Model

STRENGTH = {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01}


def load_checkpoint(_bench: Workbench, inputs: Inputs) -> Result:
    model = Model(inputs["ckpt_name"])
    return Result((model, model, model))


def load_vae(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Model(inputs["vae_name"]),))


def put_lora_on_both(_bench: Workbench, inputs: Inputs) -> Result:
    name = inputs["lora_name"]
    model = inputs["model"].with_lora(name, inputs["strength_model"])
    return Result((model, inputs["clip"].with_lora(name, inputs["strength_clip"])))


def put_lora_on_model(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((inputs["model"].with_lora(inputs["lora_name"], inputs["strength_model"]),))


def pass_clip_on(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((inputs["clip"],))


def encode_text(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Conditioning(inputs["text"]),))


LOADERS = (
    Node(
        "CheckpointLoaderSimple",
        module="nodes",
        category="loaders",
        display_name="Load Checkpoint",
        required={"ckpt_name": (Shelf.CHECKPOINTS, {})},
        outputs=("MODEL", "CLIP", "VAE"),
        effort=Effort.LOAD,
        run=load_checkpoint,
    ),
    Node(
        "VAELoader",
        module="nodes",
        category="loaders",
        display_name="Load VAE",
        required={"vae_name": (("pixel_space",),)},
        outputs=("VAE",),
        effort=Effort.LOAD,
        run=load_vae,
    ),
    Node(
        "LoraLoader",
        module="nodes",
        category="loaders",
        display_name="Load LoRA",
        required={
            "model": ("MODEL", {}),
            "clip": ("CLIP", {}),
            "lora_name": (Shelf.LORAS, {}),
            "strength_model": ("FLOAT", STRENGTH),
            "strength_clip": ("FLOAT", STRENGTH),
        },
        outputs=("MODEL", "CLIP"),
        run=put_lora_on_both,
    ),
    Node(
        "LoraLoaderModelOnly",
        module="nodes",
        category="loaders",
        display_name="LoraLoaderModelOnly",
        required={
            "model": ("MODEL",),
            "lora_name": (Shelf.LORAS,),
            "strength_model": ("FLOAT", STRENGTH),
        },
        outputs=("MODEL",),
        run=put_lora_on_model,
    ),
    Node(
        "CLIPSetLastLayer",
        module="nodes",
        category="conditioning",
        display_name="CLIP Set Last Layer",
        required={
            "clip": ("CLIP",),
            "stop_at_clip_layer": ("INT", {"default": -1, "min": -24, "max": -1, "step": 1}),
        },
        outputs=("CLIP",),
        run=pass_clip_on,
    ),
    Node(
        "CLIPTextEncode",
        module="nodes",
        category="conditioning",
        display_name="CLIP Text Encode (Prompt)",
        required={"text": ("STRING", {"multiline": True, "dynamicPrompts": True}), "clip": ("CLIP", {})},
        outputs=("CONDITIONING",),
        run=encode_text,
    ),
)
