"""What a ComfyUI server can do, read from its `/object_info` into a form that is compact, frozen, and easy to ask.

What is not understood is left out, input by input: custom nodes put there whatever they like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.fleet.model_kinds import KIND_OF_INPUT, LISTED_BY, ModelKind
from shared.fleet.node_inputs import NodeInput, Origin, inputs_of, type_name
from shared.fleet.replacements import Replacement, read_replacements


def kind_of(declared: NodeInput) -> ModelKind | None:
    """What the choices of an input are names of, if it is known."""
    return KIND_OF_INPUT.get(declared.name) if declared.choices is not None else None


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
    """All node classes of one server, the names of what is installed there, the classes it replaces by others, and its
    embeddings, which no class lists."""

    classes: Mapping[str, NodeClass]
    models: Mapping[ModelKind, tuple[str, ...]]
    replacements: Mapping[str, Replacement]
    embeddings: tuple[str, ...] = ()


def read_catalogue(
    object_info: Mapping[str, Any], replacements: Any = None, embeddings: Sequence[str] = ()
) -> Catalogue:
    """The catalogue in an `/object_info`, and in `/node_replacements` and `/embeddings` where the server has them.

    Raises nothing: a class that is not understood is known by name only.
    """
    classes = {name: node_class(name, page) for name, page in object_info.items()}
    models = {kind: listed(classes, *source) for kind, source in LISTED_BY.items()}
    return Catalogue(classes, models, read_replacements(replacements, classes), tuple(embeddings))


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
        inputs={found.name: found for found in inputs_of(Origin(name, is_core), page.get("input"))},
        outputs=tuple(map(type_name, outputs)) if isinstance(outputs, list) else (),
        is_output=page.get("output_node") is True,
        is_core=is_core,
    )
