"""The kinds of models and other names that a server lists, and where it lists each."""

from collections.abc import Mapping
from enum import StrEnum


class ModelKind(StrEnum):
    """What is listed by name, and may be asked for by name."""

    CHECKPOINTS = "checkpoints"
    LORAS = "loras"
    VAES = "vaes"
    SAMPLERS = "samplers"
    SCHEDULERS = "schedulers"


# The input that takes a name of each kind, and the node class whose list is the server's own.
LISTED_BY: Mapping[ModelKind, tuple[str, str]] = {
    ModelKind.CHECKPOINTS: ("CheckpointLoaderSimple", "ckpt_name"),
    ModelKind.LORAS: ("LoraLoader", "lora_name"),
    ModelKind.VAES: ("VAELoader", "vae_name"),
    ModelKind.SAMPLERS: ("KSampler", "sampler_name"),
    ModelKind.SCHEDULERS: ("KSampler", "scheduler"),
}
KIND_OF_INPUT = {input_name: kind for kind, (_, input_name) in LISTED_BY.items()}
