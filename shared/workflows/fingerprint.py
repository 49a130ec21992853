"""Workflows that differ only in words, seeds and sizes have the same shape; those of one size, the same fingerprint."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

DIGITS = 16  # of a shape, and of a fingerprint
CLASSES = 4  # of sizes, and of steps, from one to its double

# What says how much a node does, by the names that the nodes which come with ComfyUI use.
AMOUNTS = frozenset(
    {
        *("width", "height", "megapixels", "scale_by", "upscale_by"),
        *("batch_size", "amount", "length", "frames", "frame_count", "num_frames", "video_frames"),
        *("steps", "start_at_step", "end_at_step"),
    }
)
COUNTS = ("batch_size", "amount", "length", "frames", "frame_count", "num_frames", "video_frames")
# How the names of models end, in whichever input of whichever node.
MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx")
LONGEST_ENDING = max(map(len, MODEL_FILES))
UNKNOWN_PIXELS = 1024 * 1024
MOST = 1e6  # an amount; nobody makes more of anything
MOST_WORK = 1e15


class Shape(NamedTuple):
    """A workflow's shape by its name, how many pixels it makes, and how many steps it takes for each."""

    name: str
    pixels: float
    steps: float

    @property
    def work(self) -> float:
        """Of one shape, twice as much takes about twice as long."""
        return min(self.pixels * self.steps, MOST_WORK)

    @property
    def fingerprint(self) -> str:
        """The same for jobs that take about as long as each other: of one shape, and about the same amounts."""
        return digest(f"{self.name}/{class_of(self.pixels)}/{class_of(self.steps)}")


def shape_of(graph: Mapping[str, Mapping[str, Any]]) -> Shape:
    """The shape of a graph in API format: the same whatever its nodes are called, and whatever their order.

    `denoise` is no part of it: ComfyUI's samplers take their `steps` whatever it is.
    """
    nodes, made, steps, factor = [], 0.0, 0.0, 1.0
    counts = dict.fromkeys(COUNTS, 1.0)
    for node in graph.values():
        traits, amounts = seen_in(node, graph)
        nodes.append(traits)
        if amounts:
            made += pixels_of(amounts)
            steps += steps_of(amounts)
            factor *= amounts.get("scale_by", 1.0) ** 2 * amounts.get("upscale_by", 1.0) ** 2
            for name in amounts.keys() & counts.keys():
                counts[name] = max(counts[name], amounts[name])
    pixels = (made or UNKNOWN_PIXELS) * min(factor, MOST) * math.prod(counts.values())
    return Shape(digest("\n".join(sorted(nodes))), max(1.0, min(pixels, MOST_WORK)), max(1.0, steps))


def fingerprint_of(graph: Mapping[str, Mapping[str, Any]]) -> str:
    """The shape, and about how much there is to do."""
    return shape_of(graph).fingerprint


def seen_in(node: Mapping[str, Any], graph: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, float]]:
    """What a node is: its class, the names of models and samplers that it takes, and the class of each node that it
    links to; and how much it does. Words, seeds and the names of files are left out."""
    traits: list[tuple[Any, ...]] = []
    amounts = {}
    # For every input of every node of every job: `match` would take three times as long.
    for name, value in node["inputs"].items():
        if isinstance(value, list):
            if len(value) == 2 and isinstance(value[0], str) and value[0] in graph:
                traits.append((name, graph[value[0]]["class_type"], repr(value[1])))
        elif isinstance(value, str):
            if name.endswith("_name") or value[-LONGEST_ENDING:].lower().endswith(MODEL_FILES):
                traits.append((name, value, ""))
        elif name in AMOUNTS and isinstance(value, (int, float)):
            amounts[name] = float(max(0.0, min(value, MOST)))
    traits.sort()
    return repr((node["class_type"], traits)), amounts


def pixels_of(amounts: Mapping[str, float]) -> float:
    return amounts.get("width", 0.0) * amounts.get("height", 0.0) + amounts.get("megapixels", 0.0) * 1e6


def steps_of(amounts: Mapping[str, float]) -> float:
    """The steps that a sampler takes, of which it may leave out the first and the last."""
    steps = amounts.get("steps", 0.0)
    return max(0.0, min(steps, amounts.get("end_at_step", steps)) - amounts.get("start_at_step", 0.0))


def class_of(amount: float) -> int:
    """Amounts that differ by less than a tenth are mostly in one class."""
    return round(math.log2(amount) * CLASSES)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
