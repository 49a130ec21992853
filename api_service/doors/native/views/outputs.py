"""The outputs of a prompt as ComfyUI shows them: by node, by what the node called them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.models import JobOutput, OutputKind
from shared.storage.store import OutputStore
from shared.workflows.image_cache import SAVING
from shared.workflows.opaque_names import output_name

LONGEST_TEXT = 64 * 1024  # bytes of one text
MOST_TEXTS = 200  # of one prompt
MOVING = {OutputKind.ANIMATION, OutputKind.VIDEO}


def is_text(output: JobOutput) -> bool:
    """Whether a node showed it as a text, a number or a document, and not as a file."""
    return output.type is None and output.kind in {OutputKind.TEXT, OutputKind.OTHER}


def texts_of(store: OutputStore, outputs: Sequence[JobOutput]) -> dict[int, Any]:
    """What the texts among these outputs say, by their number. One that the store has lost is left out. Reads files."""
    found: dict[int, Any] = {}
    for output in [one for one in outputs if is_text(one)][:MOST_TEXTS]:
        try:
            content = b"".join(store.read(output.path, 0, min(output.size_bytes, LONGEST_TEXT)))
        except OSError:
            continue
        found[output.number] = value_of(output, content.decode(errors="replace"))
    return found


def value_of(output: JobOutput, text: str) -> Any:
    if not output.filename.endswith(".json"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def shown_outputs(outputs: Sequence[JobOutput], texts: Mapping[int, Any]) -> dict[str, dict[str, list[Any]]]:
    """`{node: {key: [item, ...]}}`."""
    found: dict[str, dict[str, list[Any]]] = {}
    for output in outputs:
        node = found.setdefault(output.node_id, {})
        key = output.key or ("text" if is_text(output) else "images")
        if is_text(output):
            if output.number in texts:
                node.setdefault(key, []).append(texts[output.number])
            continue
        node.setdefault(key, []).append(shown_file(output))
        if key == "images" and output.kind in MOVING:
            node["animated"] = [True]
    return {node_id: shown for node_id, shown in found.items() if shown}


def shown_file(output: JobOutput) -> dict[str, str]:
    shown = {"filename": output.filename, "subfolder": "", "type": output.type or "output"}
    if output.node_class != SAVING:
        return shown
    # Its node has put it into the cache of its server, where clients ask for it by an id.
    picture_id = output_name(output.job_id, output.number)
    return {**shown, "source": "http", "id": picture_id, "content-type": output.media_type}
