"""What a graph may be made of, and which files its nodes may name: an operator's rules, and one for all.

A graph runs with the rights of ComfyUI's process, so this is a fence and no wall: a node may put a path together from
texts that nobody sees here. docs/fencing.md says what else it takes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.check import MOST_ERRORS, InputName
from api_service.fleet.node_rules import shown
from api_service.refusals.refusal import FieldError
from shared.files.server_names import FOLDER, enters_folder
from shared.fleet.fence import OPEN, Fence
from shared.fleet.node_inputs import NodeInput
from shared.fleet.paths import leads_out, names_a_path, texts_in
from shared.workflows.links import is_link, unwrapped

GraphLike = Mapping[str, Mapping[str, Any]]

PRIMITIVES = "Primitive"  # begins the names of ComfyUI's nodes that give on what they are given
PATH_OUTSIDE = "path_outside"
OURS = f"leads into {FOLDER!r}, where the inputs of all users are: name an asset of yours instead"
STAYS_WITHIN = "a path here is relative, without `..`, `~` or a drive, so that it stays within ComfyUI's folders"


def fence_errors(graph: GraphLike, capabilities: Capabilities, fence: Fence, name: InputName) -> list[FieldError]:
    """Everything in a graph that the rules forbid, up to a hundred."""
    found = (
        *class_errors(graph, capabilities, fence, name),
        *path_errors(graph, capabilities, name),
        *folder_errors(graph, capabilities, name),
    )
    return list(islice(found, MOST_ERRORS))


def class_errors(graph: GraphLike, capabilities: Capabilities, fence: Fence, name: InputName) -> Iterator[FieldError]:
    if fence == OPEN:
        return
    objections: dict[str, str | None] = {}
    for node_id, node in graph.items():
        kind = node["class_type"]
        if kind not in objections:
            # Some server may run it as another.
            names = [kind, *capabilities.replacements_of(kind)]
            objections[kind] = next((why for one in names if (why := fence.objection(one))), None)
        if why := objections[kind]:
            yield FieldError(field=name(node_id, "class_type"), message=why, code="node_not_allowed")


def path_errors(graph: GraphLike, capabilities: Capabilities, name: InputName) -> Iterator[FieldError]:
    for node_id, node in graph.items():
        suspects = {one: text for one, value in node["inputs"].items() if (text := outward(graph, value)) is not None}
        if not suspects:
            continue
        variants = capabilities.input_variants(node)
        for one, text in suspects.items():
            declared = [variant[one] for variant in variants if one in variant]
            if takes_a_path(node["class_type"], one, declared, text):
                message = f"{shown(text)} leads elsewhere: {STAYS_WITHIN}"
                yield FieldError(field=name(node_id, f"inputs.{one}"), message=message, code=PATH_OUTSIDE)


def folder_errors(graph: GraphLike, capabilities: Capabilities, name: InputName) -> Iterator[FieldError]:
    """Texts that lead into the folder of all users' inputs; what a job may have of it are references by now."""
    for node_id, node in graph.items():
        suspects = {one: text for one, value in node["inputs"].items() if (text := inward(graph, value)) is not None}
        variants = capabilities.input_variants(node) if suspects else []
        for one, text in suspects.items():
            declared = [variant[one] for variant in variants if one in variant]
            if not declared or any(found.is_path or found.choices is not None for found in declared):
                yield FieldError(
                    field=name(node_id, f"inputs.{one}"), message=f"{shown(text)} {OURS}", code=PATH_OUTSIDE
                )


def inward(graph: GraphLike, value: Any) -> str | None:
    """The first text of a value that would lead to others' inputs if it were a path."""
    return next((text for text in texts_of(graph, value) if enters_folder(text)), None)


def outward(graph: GraphLike, value: Any) -> str | None:
    """The first text of a value that would lead out if it were a path."""
    return next((text for text in texts_of(graph, value) if leads_out(text)), None)


def texts_of(graph: GraphLike, value: Any) -> Iterable[str]:
    """The texts of a value that a node may take for paths; also that of a primitive node it links to."""
    # For every input of every job: most are numbers, links, and texts without a path.
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | dict):
        return ()
    if is_link(value):
        source = graph.get(value[0])
        if source is None or not source["class_type"].startswith(PRIMITIVES):
            return ()
        value = source["inputs"].get("value")
    return texts_in(unwrapped(value))


def takes_a_path(class_name: str, input_name: str, declared: Sequence[NodeInput], text: str) -> bool:
    """Whether some server says that the input is a path; of a class that nobody knows, whether its name does."""
    if not declared:
        return names_a_path(class_name, input_name, {})
    return any(one.is_path or (one.choices is not None and text not in one.choices) for one in declared)
