"""How many things came out of a job, and one of them to show."""

from collections.abc import Iterator, Mapping
from typing import Any

VIEWABLE = frozenset({"images", "video", "audio"})
NEWER_VIEWABLE = VIEWABLE | {"3d", "text"}
MODEL_SUFFIXES = (".obj", ".fbx", ".gltf", ".glb", ".usdz")
TEXT_SUFFIXES = (".txt", ".md", ".json")
LONGEST_PREVIEW = 1024

Outputs = Mapping[str, Any]


def older_summary(outputs: Outputs) -> dict[str, Any]:
    """Everything in a list counts; a saved file is shown rather than a temporary one."""
    count, previews = 0, []
    for node_id, shown in outputs.items():
        for media_type, things in shown.items():
            if media_type == "animated":
                continue
            count += len(things)
            if media_type in VIEWABLE:
                previews += [{**thing, "nodeId": node_id, "mediaType": media_type} for thing in things]
    saved = [preview for preview in previews if preview["type"] == "output"]
    return {"outputs_count": count, "preview_output": next(iter(saved or previews), None)}


def newer_summary(outputs: Outputs) -> dict[str, Any]:
    """Only files count. Shown is a saved picture, film, sound or model; else a temporary one; else a text."""
    count, viewable = 0, 0
    ranked: list[tuple[int, dict[str, Any]]] = []
    for node_id, media_type, thing in _things(outputs):
        file = _as_file(thing)
        place = {"nodeId": node_id, "mediaType": media_type}
        if file is None:
            if media_type == "text" and thing is not None:
                ranked.append((3, {**_excerpt(thing), **place}))
            continue
        count += 1
        name = file.get("filename", "").lower()
        if media_type in NEWER_VIEWABLE or name.endswith(MODEL_SUFFIXES + TEXT_SUFFIXES):
            viewable += 1
            text = media_type == "text" or name.endswith(TEXT_SUFFIXES)
            ranked.append((2 if text else int(file.get("type") != "output"), {**place, **file}))
    shown = min(ranked, key=lambda preview: preview[0])[1] if ranked else None
    return {"outputs_count": count, "previewable_outputs_count": viewable, "preview_output": shown}


def tidied(outputs: Outputs) -> Outputs:
    """Without nulls, and with names of models as files."""
    return {
        node_id: {
            media_type: [_as_file(thing) or thing for thing in things if thing is not None]
            if media_type != "animated" and isinstance(things, list)
            else things
            for media_type, things in shown.items()
        }
        for node_id, shown in outputs.items()
    }


def _things(outputs: Outputs) -> Iterator[tuple[str, str, Any]]:
    for node_id, shown in outputs.items():
        for media_type, things in shown.items():
            if media_type != "animated" and isinstance(things, list | tuple):
                yield from ((node_id, media_type, thing) for thing in things)


def _as_file(thing: Any) -> dict[str, Any] | None:
    if isinstance(thing, str) and thing.lower().endswith(MODEL_SUFFIXES):
        return {"filename": thing, "type": "output", "subfolder": "", "mediaType": "3d"}
    return thing if isinstance(thing, dict) else None


def _excerpt(thing: Any) -> dict[str, Any]:
    text = str(thing)
    return {"content": text} if len(text) <= LONGEST_PREVIEW else {"content": text[:LONGEST_PREVIEW], "truncated": True}
