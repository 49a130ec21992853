"""What programs ask for by a name that they hard-code: the model that it stands for, where no server has the name."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from api_service.fleet.capability_cache import Capabilities
from shared.configuration.pairs import ModelAlias


def meant(name: str, has: Collection[Any], aliases: Sequence[ModelAlias]) -> str:
    """The model that is meant: a name that is there is itself."""
    if name in has:
        return name
    return next((one.model for one in aliases if one.alias == name), name)


def with_models_meant(
    graph: Mapping[str, Any], aliases: Sequence[ModelAlias], known: Capabilities
) -> Mapping[str, Any]:
    """The graph with what the names in it stand for, wherever a server lists that as a choice of the input. What is no
    node is left as it is: a check finds it."""
    return {node_id: renamed(node, aliases, known) for node_id, node in graph.items()}


def renamed(node: Any, aliases: Sequence[ModelAlias], known: Capabilities) -> Any:
    if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
        return node
    named = {name: text for name, text in node["inputs"].items() if isinstance(text, str)}
    if not isinstance(node.get("class_type"), str) or not any(one.alias in named.values() for one in aliases):
        return node
    declared = [found.inputs for found in known.node_classes(node["class_type"])]
    changed = {}
    for name, text in named.items():
        choices = [one for inputs in declared if name in inputs for one in inputs[name].choices or ()]
        if (model := meant(text, choices, aliases)) in choices:
            changed[name] = model
    return {**node, "inputs": {**node["inputs"], **changed}}
