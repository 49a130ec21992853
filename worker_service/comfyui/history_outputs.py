"""What the nodes of a prompt have left in ComfyUI's history: files, texts and numbers, wherever they put them. Pure.

A node shows `{key: [item, ...]}`. The keys differ by kind (`images` also holds videos and animations, then `audio`,
`latents`, `text`, and whatever custom nodes choose), so what counts is the shape of an item:

- an object with a `filename` is a file, at any depth of other lists and objects, and so is one that names a picture
  in the server's cache by an `id`;
- a text or a number is an output, and so is an object without a file in it: its JSON;
- a list of many numbers, such as a histogram, is one output.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple

DEEPEST = 16  # levels within an item
MANY_NUMBERS = 16  # so many and more in one list are one output
LONGEST_FILENAME = 255

# Which are no results. ComfyUI's own nodes say by `animated` whether their pictures move, and keep the state of an
# editor's canvas in the others. See its `comfy_execution/jobs.py` and `comfy_extras/nodes_compositor.py`.
NO_RESULTS = frozenset({"animated", "compositor_inputs", "compositor_bboxes", "compositor_state_stale", "input_bboxes"})
PICTURES: Mapping[str, str] = {"image/png": ".png", "image/jpeg": ".jpg"}  # of a server's cache
# Preview3D names its file by a text; ComfyUI's own list of jobs takes such texts for files of the output folder.
MODELS = (".obj", ".fbx", ".gltf", ".glb", ".usdz")


class OutputFile(NamedTuple):
    """A file that the history names. `type` is ComfyUI's folder: output, temp or input.

    `said` is the text that named it, where it was a text. One with a `picture_id` is in the server's cache instead.
    """

    node_id: str
    filename: str
    subfolder: str = ""
    type: str = "output"
    key: str = ""
    said: str | None = None
    picture_id: str | None = None


class OutputText(NamedTuple):
    """A text that a node showed, or a number or a document as JSON; `suffix` is what a file of it ends in."""

    node_id: str
    text: str
    key: str = ""
    suffix: str = ".txt"


class TooDeep(NamedTuple):
    """Something that lies too deep to look into."""

    node_id: str
    key: str = ""


Output = OutputFile | OutputText | TooDeep


@dataclass(frozen=True)
class Shown:
    """What each node showed, by its id, and the order of the nodes in the graph. To iterate is to find the outputs."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    order: Sequence[str] = ()

    def __iter__(self) -> Iterator[Output]:
        """In the order of the nodes in the graph; within a node as ComfyUI lists them."""
        position = {node_id: place for place, node_id in enumerate(self.order)}
        for node_id in sorted(self.outputs, key=lambda node_id: position.get(node_id, len(position))):
            shown = self.outputs[node_id]
            for key, items in shown.items() if isinstance(shown, dict) else ():
                if key not in NO_RESULTS:
                    yield from outputs_under(node_id, key, items)


def outputs_under(node_id: str, key: str, items: Any) -> Iterator[Output]:
    """The outputs under one key. ComfyUI makes a list of whatever a node shows; a fork of it may not."""
    parts = items if isinstance(items, list) and not is_many_numbers(items) else [items]
    if is_taken_apart(parts):
        parts = ["".join(parts)]
    for part in parts:
        found: list[Any] = []
        gather(part, found, depth=1)
        for one in found:
            yield output_of(node_id, key, one)


def is_taken_apart(items: Sequence[Any]) -> bool:
    """Whether these are the characters of one text: ComfyUI takes a text apart that a node shows without a list."""
    return len(items) > 1 and all(isinstance(item, str) and len(item) == 1 for item in items)


def gather(value: Any, found: list[Any], *, depth: int) -> bool:
    """Add what a value holds to `found`, in its order. Returns whether a file is in it."""
    if value is None:
        return False
    if is_file(value):
        found.append(value)
        return True
    if not isinstance(value, dict | list) or is_many_numbers(value):
        found.append(value)
        return False
    if depth == DEEPEST:
        found.append(TooDeep)
        return False
    begin, has_file = len(found), False
    for part in value.values() if isinstance(value, dict) else value:
        has_file |= gather(part, found, depth=depth + 1)
    if isinstance(value, dict) and not has_file:
        found[begin:] = [value] if value else []
    return has_file


def is_file(value: Any) -> bool:
    return isinstance(value, dict) and (isinstance(value.get("filename"), str) or is_cached_picture(value))


def is_cached_picture(value: Mapping[str, Any]) -> bool:
    """Whether it is how comfyui-tooling-nodes name a picture of their cache."""
    match value:
        case {"source": "http", "id": str(), "content-type": str(media_type)}:
            return media_type in PICTURES
    return False


def is_many_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= MANY_NUMBERS and all(isinstance(one, int | float) for one in value)


def output_of(node_id: str, key: str, found: Any) -> Output:
    match found:
        case str() if is_model(found):
            path = PurePosixPath(found)
            return OutputFile(node_id, path.name, "" if len(path.parts) == 1 else str(path.parent), key=key, said=found)
        case str():
            return OutputText(node_id, found, key)
        case {"filename": str(filename)}:
            subfolder, kind = found.get("subfolder") or "", found.get("type") or "output"
            return OutputFile(node_id, filename, str(subfolder), str(kind), key)
        case {"id": str(picture_id), "content-type": str(media_type)} if is_cached_picture(found):
            return OutputFile(node_id, f"{picture_id}{PICTURES[media_type]}", key=key, picture_id=picture_id)
        case dict() | list():
            try:
                return OutputText(node_id, json.dumps(found, ensure_ascii=False), key, ".json")
            except RecursionError:
                return TooDeep(node_id, key)
        case int() | float():
            return OutputText(node_id, json.dumps(found), key)
        case _:
            return TooDeep(node_id, key)


def is_model(text: str) -> bool:
    return len(text) <= LONGEST_FILENAME and text.lower().endswith(MODELS) and not any(map(str.isspace, text))
