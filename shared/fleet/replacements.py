"""Node classes that a server has no more and runs as others, by `/node_replacements`; and what becomes of a graph.

As `app/node_replace_manager.py` of ComfyUI 0.33: only a class that the server does not have is replaced, by the first
replacement that is named for it, and only by a class that it has. Older servers replace nothing.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from shared.workflows.links import is_link
from shared.workflows.text_to_image import Graph

MOST = 10_000  # classes, and parts of each; there are eight in ComfyUI itself


class Input(NamedTuple):
    """An input of the new class: it has the value of the input `old`, or else this one."""

    name: str
    old: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class Replacement:
    """The class that takes the place of another, its inputs, and its outputs by those of the old one."""

    new: str
    inputs: tuple[Input, ...] = ()
    outputs: Mapping[int, int] = field(default_factory=dict)


NONE: Mapping[str, Replacement] = {}


def read_replacements(answer: Any, classes: Container[str]) -> dict[str, Replacement]:
    """What a server with these classes replaces, by the old name. What is not understood is left out."""
    found: dict[str, Replacement] = {}
    for old, listed in islice(answer.items() if isinstance(answer, dict) else (), MOST):
        first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        new = first.get("new_node_id")
        if old not in classes and isinstance(new, str) and new in classes:
            inputs = tuple(inputs_in(first.get("input_mapping")))
            found[old] = Replacement(new, inputs, dict(outputs_in(first.get("output_mapping"))))
    return found


def inputs_in(mapping: Any) -> Iterator[Input]:
    for part in islice(dicts_in(mapping), MOST):
        name, old = part.get("new_id"), part.get("old_id")
        if isinstance(name, str) and "set_value" in part:
            yield Input(name, None, part["set_value"])
        elif isinstance(name, str) and isinstance(old, str):
            yield Input(name, old, None)


def outputs_in(mapping: Any) -> Iterator[tuple[int, int]]:
    for part in islice(dicts_in(mapping), MOST):
        old, new = part.get("old_idx"), part.get("new_idx")
        if isinstance(old, int) and isinstance(new, int):
            yield old, new


def dicts_in(listed: Any) -> Iterator[dict[str, Any]]:
    return (part for part in (listed if isinstance(listed, list) else ()) if isinstance(part, dict))


def as_replaced(
    graph: Mapping[str, Mapping[str, Any]], replacements: Mapping[str, Replacement]
) -> Mapping[str, Mapping[str, Any]]:
    """The graph as a server runs it. An input that the old node lacks is left out of the new one."""
    replaced = {
        node_id: found for node_id, node in graph.items() if (found := replacements.get(node["class_type"])) is not None
    }
    if not replaced:
        return graph
    made: Graph = {}
    for node_id, node in graph.items():
        inputs = {name: relinked(value, replaced) for name, value in node["inputs"].items()}
        if found := replaced.get(node_id):
            made[node_id] = {**node, "class_type": found.new, "inputs": dict(moved(found, inputs))}
        else:
            made[node_id] = {**node, "inputs": inputs}
    return made


def moved(replacement: Replacement, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, old, value in replacement.inputs:
        if old is None:
            yield name, value
        elif old in inputs:
            yield name, inputs[old]


def relinked(value: Any, replaced: Mapping[str, Replacement]) -> Any:
    """A link to a replaced node names the output that the old one became."""
    if is_link(value) and (found := replaced.get(value[0])):
        return [value[0], found.outputs.get(value[1], value[1])]
    return value
