"""Where the graph is in a document that holds one, but is none: other programs wrap graphs, each in its own way."""

from collections import deque
from enum import Enum, auto
from typing import Any, NamedTuple

DEEPEST = 4  # levels of wrapping
MOST_LOOKED_AT = 200  # parts of a document

EXPORT = "this is the format of ComfyUI's editor; export the workflow with `Export (API)`"


class Kind(Enum):
    GRAPH = auto()
    TEXT = auto()  # of a graph: its JSON, in quotes
    OF_EDITOR = auto()  # what the editor saves, which is no graph in API format


CODES = {Kind.GRAPH: "misplaced_graph", Kind.TEXT: "graph_in_quotes", Kind.OF_EDITOR: "ui_format"}


class Found(NamedTuple):
    """Something that was meant to be a graph, at this path within a document: `input.workflow`, or `` for itself."""

    path: str
    kind: Kind


def is_graph(document: Any) -> bool:
    """Whether this is meant to be a graph in API format: an object that has at least one node."""
    return isinstance(document, dict) and any(
        isinstance(node, dict) and isinstance(node.get("class_type"), str) for node in document.values()
    )


def is_of_editor(document: Any) -> bool:
    """Whether this is what ComfyUI's editor saves. A node may be called `nodes`; its value is no list."""
    return isinstance(document, dict) and (
        isinstance(document.get("nodes"), list) or isinstance(document.get("links"), list)
    )


def is_text_of_graph(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "{" and '"class_type"' in value


def find_graph(document: Any) -> Found | None:
    """The graph that is least deep in a document; if there is none, the text of one, or what the editor saves."""
    unseen: deque[tuple[str, Any, int]] = deque([("", document, 0)])
    other: Found | None = None
    for _ in range(MOST_LOOKED_AT):
        if not unseen:
            break
        path, part, depth = unseen.popleft()
        if is_graph(part):
            return Found(path, Kind.GRAPH)
        if is_text_of_graph(part):
            other = other or Found(path, Kind.TEXT)
        elif is_of_editor(part):
            other = other or Found(path, Kind.OF_EDITOR)
        elif isinstance(part, dict) and depth < DEEPEST:
            prefix = f"{path}." if path else ""
            unseen.extend((f"{prefix}{name}"[:100], value, depth + 1) for name, value in part.items())
    return other


def where_it_goes(found: Found, *, whole: str) -> str:
    """A sentence for who sent it so. `whole` is what the document is called: "the body"."""
    if found.kind is Kind.OF_EDITOR:
        return f"`{found.path}`: {EXPORT}" if found.path else EXPORT
    if found.kind is Kind.TEXT:
        return f"`{found.path}` is a text; send the graph itself as `workflow`, not its JSON in quotes"
    place = f"in `{found.path}` of {whole}" if found.path else f"{whole} itself"
    return f'the graph is {place}; send it as `workflow`, with nothing around it: {{"workflow": {{"1": {{...}}}}}}'
