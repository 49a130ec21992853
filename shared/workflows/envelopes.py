"""Where the graph is in a document that holds one, but is none: other programs wrap graphs, each in its own way."""

from collections import deque
from typing import Any, NamedTuple

DEEPEST = 4  # levels of wrapping
MOST_LOOKED_AT = 200  # parts of a document

EXPORT = "this is the format of ComfyUI's editor; export the workflow with `Export (API)`"


class Found(NamedTuple):
    """A graph, or else what the editor saves, at this path within a document: `input.workflow`, or `` for itself."""

    path: str
    is_graph: bool


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


def find_graph(document: Any) -> Found | None:
    """The graph that is least deep in a document; if there is none, what the editor saves."""
    unseen: deque[tuple[str, Any, int]] = deque([("", document, 0)])
    of_editor: Found | None = None
    for _ in range(MOST_LOOKED_AT):
        if not unseen:
            break
        path, part, depth = unseen.popleft()
        if is_graph(part):
            return Found(path, is_graph=True)
        if is_of_editor(part):
            of_editor = of_editor or Found(path, is_graph=False)
        elif isinstance(part, dict) and depth < DEEPEST:
            prefix = f"{path}." if path else ""
            unseen.extend((f"{prefix}{name}"[:100], value, depth + 1) for name, value in part.items())
    return of_editor


def where_it_goes(found: Found, *, whole: str) -> str:
    """A sentence for who sent it so. `whole` is what the document is called: "the body"."""
    if not found.is_graph:
        return f"`{found.path}`: {EXPORT}" if found.path else EXPORT
    place = f"in `{found.path}` of {whole}" if found.path else f"{whole} itself"
    return f'the graph is {place}; send it as `workflow`, with nothing around it: {{"workflow": {{"1": {{...}}}}}}'
