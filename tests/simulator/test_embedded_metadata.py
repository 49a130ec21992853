"""Saved files carry their prompt, each format in its own way."""

import io
from typing import Any

import av
import pytest
from PIL import Image

from tests.simulator.recordings import document
from tests.simulator.replaying import Replay
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_files_carry_what_was_recorded(simulator: RunningSimulator) -> None:
    recorded = document("0.8/http/embedded_metadata")
    Replay(simulator, "0.8/ws/30_outputs").run()
    found = {name: embedded((simulator.output_directory / name).read_bytes()) for name in recorded}

    assert found == {name: without_chance(facts) for name, facts in recorded.items()}


def embedded(content: bytes) -> dict[str, Any]:
    """What a file says about itself, laid out as in the recording."""
    return of_picture(content) if content[:4] in (b"\x89PNG", b"RIFF") else of_stream(content)


def of_picture(content: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(content)) as image:
        facts = {
            "format": image.format,
            "size": list(image.size),
            "mode": image.mode,
            "frames": getattr(image, "n_frames", 1),
        }
        if image.format == "WEBP":
            return without_chance({**facts, "exif": {str(tag): text for tag, text in image.getexif().items()}})
        chunks = getattr(image, "text", {})
        return {**facts, "text_chunks": dict(chunks), "text_chunk_order": list(chunks), "exif": None}


def of_stream(content: bytes) -> dict[str, Any]:
    with av.open(io.BytesIO(content)) as container:
        streams = [f"{stream.type}:{stream.codec_context.name}" for stream in container.streams]
        facts = {"container": container.format.name, "metadata": dict(container.metadata), "streams": streams}
    return without_chance(facts)


def without_chance(facts: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the number of bytes, the encoder's version, and whether WebP found pixels that two frames share."""
    chance = ("bytes", "mode") if facts.get("format") == "WEBP" else ("bytes",)
    facts = {name: value for name, value in facts.items() if name not in chance}
    if "metadata" in facts:
        facts["metadata"] = {name: text for name, text in facts["metadata"].items() if name.lower() != "encoder"}
    return facts
