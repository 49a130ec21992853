"""A workflow of the client's own, in ComfyUI's API format: whether it has that shape, and what is read from it.

The shape is looked at here, node by node; whether the nodes make a graph that can run is asked elsewhere.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.workflows.envelopes import CODES, find_graph, is_graph, where_it_goes
from shared.workflows.json_limits import flaws

MOST_NODES = 2000
MOST_FAULTS = 100  # are listed at once
LARGEST = 1_000_000  # bytes, as JSON without blanks
DEEPEST = 32  # levels within a node
LONGEST_NAME = 255  # of a node, and of its class
LONGEST_TEXT = 20_000  # of the prompt that is kept to be searched


@dataclass(frozen=True)
class WorkflowFault:
    """What is wrong with a workflow: at which node, None for the whole, and in which field of it (`inputs.seed`)."""

    node_id: str | None
    field: str | None
    code: str
    message: str


def check_shape(workflow: Any) -> list[WorkflowFault]:
    """Everything that keeps a document from being a workflow; empty for one that is."""
    if not isinstance(workflow, dict):
        return [WorkflowFault(None, None, "not_a_workflow", "must be an object that maps node ids to nodes")]
    if not workflow:
        return [WorkflowFault(None, None, "empty_workflow", "must have at least one node")]
    if not is_graph(workflow) and (found := find_graph(workflow)):
        text = where_it_goes(found, whole="what was sent as `workflow`")
        return [WorkflowFault(None, None, CODES[found.kind], text)]
    if len(workflow) > MOST_NODES:
        return [WorkflowFault(None, None, "too_many_nodes", f"must have at most {MOST_NODES} nodes")]
    faults = list(islice((fault for name, node in workflow.items() for fault in node_faults(name, node)), MOST_FAULTS))
    return faults or list(size_fault(workflow))


def node_faults(name: str, node: Any) -> Iterator[WorkflowFault]:
    short = name[:LONGEST_NAME]
    if not name or len(name) > LONGEST_NAME or "\0" in name:
        text = f"a node's id has 1 to {LONGEST_NAME} characters, and no U+0000"
        yield WorkflowFault(short or None, None, "bad_node_id", text)
        return
    if not isinstance(node, dict):
        yield WorkflowFault(name, None, "not_a_node", "a node is an object with `class_type` and `inputs`")
        return
    kind = node.get("class_type")
    if not isinstance(kind, str) or not 0 < len(kind) <= LONGEST_NAME:
        text = f"a node names its class in `class_type`, in 1 to {LONGEST_NAME} characters"
        yield WorkflowFault(name, "class_type", "missing_class_type", text)
    if not isinstance(node.get("inputs"), dict):
        text = "a node has `inputs`, an object that may be empty"
        yield WorkflowFault(name, "inputs", "missing_inputs", text)
    for flaw in flaws(node, deepest=DEEPEST):
        yield WorkflowFault(name, flaw.path or None, flaw.code, flaw.message)


def size_fault(workflow: Mapping[str, Any]) -> Iterator[WorkflowFault]:
    if len(json.dumps(workflow, ensure_ascii=False, separators=(",", ":")).encode()) > LARGEST:
        yield WorkflowFault(None, None, "workflow_too_large", f"must be at most {LARGEST} bytes as JSON")


def as_sent(workflow: Any) -> Any:
    """A workflow without what ComfyUI itself writes beside `inputs` when it runs one: the workflow in a picture has it,
    often as NaN, and ComfyUI would believe it."""
    if not is_graph(workflow):
        return workflow
    return {name: without_own_notes(node) for name, node in workflow.items()}


def without_own_notes(node: Any) -> Any:
    if not isinstance(node, dict) or "is_changed" not in node:
        return node
    return {name: value for name, value in node.items() if name != "is_changed"}


def prompt_text(workflow: Mapping[str, Mapping[str, Any]]) -> str:
    """The texts of its text encoders, one after the other: what a search for words should find."""
    texts = [node["inputs"].get("text") for node in workflow.values() if "TextEncode" in node["class_type"]]
    return "\n".join(text for text in texts if isinstance(text, str) and text)[:LONGEST_TEXT]


def first_checkpoint(workflow: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The first checkpoint that a node names, cut to what its column holds."""
    names = (node["inputs"].get("ckpt_name") for node in workflow.values())
    return next((name[:LONGEST_NAME] for name in names if isinstance(name, str) and name), None)
