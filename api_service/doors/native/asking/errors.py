"""Refusals in the form of ComfyUI: `{"error": {"type", "message", "details", "extra_info"}, "node_errors"}`."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.fleet.capability_cache import Capabilities
from api_service.http.problems import STATUSES, detail_of, headers_of
from api_service.refusals.refusal import FieldError, Refusal
from api_service.submit.checks import node_and_part
from shared.workflows.links import sources_of, targets_of, upstream

Graph = Mapping[str, Any]

NOT_IN_LIST = "value_not_in_list"
INNER = ("exception_during_inner_validation", "Exception when validating inner node")
# What ComfyUI calls an error, and its sentence for it.
KINDS: Mapping[str, tuple[str, str]] = {
    NOT_IN_LIST: (NOT_IN_LIST, "Value not in list"),
    "unknown_checkpoint": (NOT_IN_LIST, "Value not in list"),
    "unknown_lora": (NOT_IN_LIST, "Value not in list"),
    "unknown_vae": (NOT_IN_LIST, "Value not in list"),
    "unknown_sampler": (NOT_IN_LIST, "Value not in list"),
    "unknown_scheduler": (NOT_IN_LIST, "Value not in list"),
    "required_input_missing": ("required_input_missing", "Required input is missing"),
    "value_smaller_than_min": ("value_smaller_than_min", "Value smaller than min"),
    "value_bigger_than_max": ("value_bigger_than_max", "Value bigger than max"),
    "not_finite": ("invalid_input_type", "Failed to convert an input value"),
    "invalid_input_type": ("invalid_input_type", "Failed to convert an input value"),
    "bad_linked_input": ("bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]"),
    "missing_inputs": INNER,
    "dangling_link": INNER,
    "link_slot_missing": INNER,
    "cycle": ("dependency_cycle", "Dependency cycle detected"),
    "return_type_mismatch": ("return_type_mismatch", "Return type mismatch between linked nodes"),
}
OTHER = ("custom_validation_failed", "Custom validation failed for node")
FAILED = ("prompt_outputs_failed_validation", "Prompt outputs failed validation")
LONGEST_LIST = 200  # characters of a value that is shown


class PromptRefused(Exception):
    """A prompt is refused, in ComfyUI's own form."""

    def __init__(self, kind: str, message: str, details: str = "", **more: Any) -> None:
        super().__init__(message)
        self.error = {"type": kind, "message": message, "details": details, "extra_info": more.get("extra_info", {})}
        self.node_errors: Mapping[str, Any] = more.get("node_errors", {})


def answer_prompt_refused(refused: PromptRefused) -> Response:
    body = {"error": refused.error, "node_errors": refused.node_errors}
    return Response(json.dumps(body), status_code=HTTPStatus.BAD_REQUEST, media_type="application/json")


def answer_refusal(refusal: Refusal, rate: Mapping[str, str]) -> Response:
    """Any refusal of ours: its code is the type."""
    error = {
        "type": str(refusal.code),
        "message": detail_of(refusal),
        "details": "; ".join(f"{one.field}: {one.message}" for one in refusal.errors),
        "extra_info": {},
    }
    return Response(
        json.dumps({"error": error, "node_errors": {}}),
        status_code=STATUSES[refusal.code],
        headers={**rate, **headers_of(refusal)},
        media_type="application/json",
    )


def prompt_refused(errors: Sequence[FieldError], graph: Graph, capabilities: Capabilities) -> PromptRefused:
    """What the checks have against a prompt, node by node."""
    placed = [(*node_and_part(error.field, graph), error) for error in errors]
    for node_id, _, error in placed:
        if error.code == "unknown_node_class" and node_id is not None:
            kind = graph[node_id]["class_type"]
            return PromptRefused(
                "missing_node_type",
                f"Cannot execute because node {kind} does not exist.",
                f"Node ID '#{node_id}': {error.message}",
                extra_info={"node_id": node_id, "class_type": kind, "node_title": title_of(graph[node_id])},
            )
        if error.code in {"no_output_node", "empty_workflow"}:
            return PromptRefused("prompt_no_outputs", "Prompt has no outputs")
        if error.code == "missing_class_type" and node_id is not None:
            text = "Cannot execute because a node is missing the class_type property."
            return PromptRefused("invalid_prompt", text, f"Node ID '#{node_id}'")
    whole = [error for node_id, _, error in placed if node_id is None]
    if whole:
        return PromptRefused("invalid_prompt", whole[0].message, "; ".join(error.message for error in whole[1:]))
    return PromptRefused(*FAILED, node_errors=by_node(placed, graph, capabilities))


def by_node(
    placed: Sequence[tuple[str | None, str, FieldError]], graph: Graph, capabilities: Capabilities
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ends = ends_behind(graph, {node_id for node_id, _, _ in placed if node_id}, capabilities)
    for node_id, part, error in placed:
        if node_id is not None:
            node = found.setdefault(
                node_id,
                {"errors": [], "dependent_outputs": ends[node_id], "class_type": class_of(graph[node_id])},
            )
            node["errors"].append(node_error(graph[node_id], part, error))
    return found


def node_error(node: Any, name: str, error: FieldError) -> dict[str, Any]:
    kind, message = KINDS.get(error.code, OTHER)
    info: dict[str, Any] = {"input_name": name}
    inputs = node.get("inputs") if isinstance(node, dict) else None
    if isinstance(inputs, dict) and name in inputs:
        info["received_value"] = shortened(inputs[name])
    return {"type": kind, "message": message, "details": f"{name}: {error.message}", "extra_info": info}


def shortened(value: Any) -> Any:
    """A value that is named in an error, and a long one not at any length."""
    if isinstance(value, int | float | bool | None):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= LONGEST_LIST else text[:LONGEST_LIST]


def ends_behind(graph: Graph, node_ids: set[str], capabilities: Capabilities) -> dict[str, list[str]]:
    """For each of these nodes, the output nodes that need it, in the order of the graph."""
    whole = {
        node_id: node if is_whole(node) else {**NO_NODE, "class_type": class_of(node)}
        for node_id, node in graph.items()
    }
    targets = targets_of(sources_of(whole))
    outputs = output_nodes(whole, capabilities)
    behind = {node_id: upstream(targets, [node_id]).union([node_id]) for node_id in node_ids}
    return {node_id: [end for end in outputs if end in behind[node_id]] for node_id in node_ids}


NO_NODE: Mapping[str, Any] = {"inputs": {}}


def is_whole(node: Any) -> bool:
    """Whether a node has a class and inputs: one without is refused for that."""
    return isinstance(node, dict) and isinstance(node.get("inputs"), dict) and isinstance(node.get("class_type"), str)


def output_nodes(graph: Graph, capabilities: Capabilities) -> list[str]:
    """The nodes that are an end in themselves, as far as some server says so."""
    known: dict[str, bool] = {}
    for node in graph.values():
        kind = str(node["class_type"])
        if kind not in known:
            having = capabilities.node_class(kind)
            known[kind] = having is not None and having[0].is_output
    return [node_id for node_id, node in graph.items() if known[str(node["class_type"])]]


def class_of(node: Any) -> Any:
    return node.get("class_type") if isinstance(node, dict) else None


def title_of(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else str(node["class_type"])
