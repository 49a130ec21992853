"""Which output is which: what a workflow says of the node that made it. Pure."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

LONGEST = 255  # characters; what the columns hold
LONGEST_PREFIX = 100
SAFE = frozenset(" -_.+()")  # in a file's name, beside letters and digits


class Label(NamedTuple):
    """The class of a node, the title that its author gave it, and under which prefix it saves."""

    node_class: str | None = None
    title: str | None = None
    prefix: str | None = None


def label_of(workflow: Mapping[str, Any], node_id: str) -> Label:
    """What a workflow says of a node, or of the one that it was made for; nothing if there is no such node."""
    node = next((workflow[name] for name in origins(node_id) if name in workflow), None)
    if not isinstance(node, dict):
        return Label()
    meta, inputs = node.get("_meta"), node.get("inputs")
    return Label(
        text_in(node.get("class_type")),
        text_in(meta.get("title") if isinstance(meta, dict) else None),
        text_in(inputs.get("filename_prefix") if isinstance(inputs, dict) else None),
    )


def origins(node_id: str) -> Iterator[str]:
    """The ids of a node and of those it was made for. While a graph runs, a node may be replaced by others: those of
    node 9 are 9.0.0.1 and the like."""
    parts = node_id.split(".")[:LONGEST]
    return (".".join(parts[:length]) for length in range(len(parts), 0, -1))


def text_in(value: Any) -> str | None:
    return value[:LONGEST] if isinstance(value, str) and value else None


def name_of(prefix: str | None) -> str:
    """A prefix as the beginning of a file's name: its last part, as ComfyUI takes the others for folders; and no
    character that a folder, a shell or a header could take for something else."""
    last = unicodedata.normalize("NFC", prefix or "").replace("\\", "/").rpartition("/")[2]
    safe = "".join(letter if letter.isalnum() or letter in SAFE else "_" for letter in last)
    return safe[:LONGEST_PREFIX].strip(" .-")
