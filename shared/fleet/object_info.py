"""What a ComfyUI server can do, read from its `/object_info` into a form that is compact, frozen, and easy to ask.

It describes each node class in one of two dialects: a choice is a list of values, or `COMBO` with `options`. What is
not understood is left out, input by input: custom nodes put there whatever they like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CHOICE = "COMBO"
# Placeholders that ComfyUI replaces by other inputs before it validates (COMFY_AUTOGROW_V3, ...).
PLACEHOLDER = "COMFY_"
# A file that was uploaded a moment ago is not in the list yet, and ComfyUI looks into the folder instead.
OPEN_FLAGS = ("image_upload", "audio_upload", "video_upload", "file_upload", "remote", "multiselect")
# ... and these list uploads without saying so, or take what is not in their list.
OPEN_CLASSES = frozenset({"LoadLatent", "GeminiInputFiles", "OpenAIInputFiles", "CustomCombo"})


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


@dataclass(frozen=True, slots=True)
class NodeInput:
    """One input of a node class: a value of `type`, or one of `choices`, or a number between bounds.

    `is_closed`: ComfyUI refuses a value that is not among the choices or within the bounds. Of other inputs it may, or
    may not: a node can validate for itself, and `/object_info` does not say so.
    """

    name: str
    type: str
    is_required: bool
    choices: tuple[Any, ...] | None
    minimum: float | int | None
    maximum: float | int | None
    is_closed: bool

    @property
    def kind(self) -> ModelKind | None:
        """What its choices are names of, if it is known."""
        return KIND_OF_INPUT.get(self.name) if self.choices is not None else None


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A node class: its inputs by name, the types of its outputs by slot, and whether running it is an end in itself.

    `is_core`: it is ComfyUI's own, not a custom node's.
    """

    name: str
    inputs: Mapping[str, NodeInput]
    outputs: tuple[str, ...]
    is_output: bool
    is_core: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All node classes of one server, and the names of what is installed there."""

    classes: Mapping[str, NodeClass]
    models: Mapping[ModelKind, tuple[str, ...]]


def read_catalogue(object_info: Mapping[str, Any]) -> Catalogue:
    """The catalogue in an `/object_info`. Raises nothing: a class that is not understood is known by name only."""
    classes = {name: node_class(name, page) for name, page in object_info.items()}
    return Catalogue(classes, {kind: listed(classes, *source) for kind, source in LISTED_BY.items()})


def listed(classes: Mapping[str, NodeClass], class_type: str, input_name: str) -> tuple[str, ...]:
    found = classes.get(class_type)
    choices = found.inputs[input_name].choices if found and input_name in found.inputs else None
    return tuple(choice for choice in choices or () if isinstance(choice, str))


def node_class(name: str, page: Any) -> NodeClass:
    page = page if isinstance(page, dict) else {}
    outputs = page.get("output")
    module = page.get("python_module")
    is_core = isinstance(module, str) and not module.startswith("custom_nodes")
    return NodeClass(
        name=name,
        inputs={found.name: found for found in inputs_of(name, page.get("input"), is_core=is_core)},
        outputs=tuple(map(type_name, outputs)) if isinstance(outputs, list) else (),
        is_output=page.get("output_node") is True,
        is_core=is_core,
    )


def inputs_of(class_name: str, parts: Any, *, is_core: bool) -> Iterator[NodeInput]:
    for part in ("required", "optional"):
        specs = parts.get(part) if isinstance(parts, dict) else None
        for name, spec in specs.items() if isinstance(specs, dict) else ():
            if isinstance(spec, list) and spec:
                yield node_input(class_name, name, spec, is_required=part == "required", is_core=is_core)


def node_input(class_name: str, name: str, spec: list[Any], *, is_required: bool, is_core: bool) -> NodeInput:
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    choices = spec[0] if isinstance(spec[0], list) else options.get("options") if spec[0] == CHOICE else None
    is_plain = isinstance(choices, list) and all(isinstance(choice, str | int | float) for choice in choices)
    kind = type_name(spec[0])
    is_open = class_name in OPEN_CLASSES or any(options.get(flag) for flag in OPEN_FLAGS)
    return NodeInput(
        name=name,
        type=kind,
        is_required=is_required and not kind.startswith(PLACEHOLDER),
        choices=tuple(choices) if is_plain and isinstance(choices, list) else None,
        minimum=bound(options.get("min")),
        maximum=bound(options.get("max")),
        is_closed=not is_open and (is_core or name in KIND_OF_INPUT),
    )


def type_name(kind: Any) -> str:
    """The name of a type. A list of values is the type of a choice."""
    return kind if isinstance(kind, str) else CHOICE


def bound(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
