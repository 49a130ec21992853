"""A seed that is drawn is one that the node takes, on every server that has its class.

A seed is a number under `seed` or `noise_seed`, or an input that ComfyUI's editor draws after each run: one whose
`control_after_generate` is true or `randomize` (`fixed`, as of PrimitiveInt, means any number). A seed of -1 is drawn,
unless the node itself takes -1: then it means something there.
"""

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from api_service.fleet.capability_cache import Capabilities
from shared.fleet.node_inputs import NodeInput, declared_for
from shared.fleet.object_info import NodeClass
from shared.workflows.links import unwrapped
from shared.workflows.text_to_image import Graph

Seed = int | Literal["same", "new"]
GraphLike = Mapping[str, Mapping[str, Any]]

SEEDS = frozenset({"seed", "noise_seed"})
DRAWN = -1
NUMBERS = frozenset({"INT", "FLOAT", "*"})
EXACT = 2**53 - 1  # every JSON reader keeps such a number exact


class Bounds(NamedTuple):
    lowest: int
    highest: int


# Where no server says what a class takes. Most packs take 32 bits, some of them with a sign.
SAFE = Bounds(0, 2**31 - 1)
ANY = Bounds(-EXACT, EXACT)


class DrawnSeed(NamedTuple):
    """A seed of a graph that is drawn, and from where."""

    node_id: str
    input: str
    bounds: Bounds


@dataclass(frozen=True)
class Seeded:
    """A graph with its seeds. `seeds` is how many were found to change; `unknown` are the classes of nodes whose seed
    was drawn though no server has said what they take."""

    graph: Graph
    seeds: int
    unknown: Sequence[str]


def with_seeds(graph: GraphLike, capabilities: Capabilities, wish: Seed = "same", unknown: Bounds = SAFE) -> Seeded:
    """The graph as it will be sent: each seed of -1 drawn; or, as is wished, each seed drawn anew, or this number.

    Each node is looked at once. `unknown` is where a seed is drawn from if no server has the class.
    """
    known: dict[str, list[NodeClass]] = {}
    made: Graph = {}
    changed = 0
    strangers: dict[str, None] = {}
    for node_id, node in graph.items():
        made[node_id] = dict(node)
        given = candidates(node, wish)
        if not given:
            continue
        name = node["class_type"]
        classes = known.setdefault(name, capabilities.node_classes(name))
        seeds = {
            seed: chosen(value, declared, wish, unknown) for seed, value, declared in seeds_in(node, given, classes)
        }
        if seeds and not classes and wish in {"same", "new"}:
            strangers[name] = None
        changed += len(seeds)
        made[node_id]["inputs"] = {**node["inputs"], **seeds}
    return Seeded(made, changed, list(strangers))


def drawn_seeds(graph: GraphLike, capabilities: Capabilities, unknown: Bounds = SAFE) -> list[DrawnSeed]:
    """The seeds of a graph that `with_seeds` would draw, and from where: for who draws them later, and again."""
    found = []
    for node_id, node in graph.items():
        if given := candidates(node, "same"):
            classes = capabilities.node_classes(node["class_type"])
            for name, _, declared in seeds_in(node, given, classes):
                if not takes_minus_one(declared) and (bounds := drawn_from(declared, unknown)):
                    found.append(DrawnSeed(node_id, name, bounds))
    return found


def candidates(node: Mapping[str, Any], wish: Seed) -> dict[str, int | float]:
    """The numbers of a node that may be seeds to change, by input."""
    # For every input of every job: most are texts and links.
    plain = {
        name: unwrapped(value)
        for name, value in node["inputs"].items()
        if (value == DRAWN or wish != "same" or isinstance(value, dict)) and not isinstance(value, str | list)
    }
    return {name: value for name, value in plain.items() if is_number(value) and (wish != "same" or value == DRAWN)}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def seeds_in(
    node: Mapping[str, Any], given: Mapping[str, int | float], classes: Sequence[NodeClass]
) -> Iterator[tuple[str, int | float, list[NodeInput]]]:
    """Of these numbers, those that are seeds, each with how the classes declare it."""
    variants = [declared_for(one.inputs, node["inputs"]) for one in classes]
    for name, value in given.items():
        declared = [variant[name] for variant in variants if name in variant]
        is_seed = name.rpartition(".")[2] in SEEDS or any(one.is_seed for one in declared)
        if is_seed and all(not NUMBERS.isdisjoint(one.type.split(",")) for one in declared):
            yield name, value, declared


def chosen(value: int | float, declared: Sequence[NodeInput], wish: Seed, unknown: Bounds) -> int | float:
    if isinstance(wish, int):
        return wish
    if value == DRAWN and takes_minus_one(declared):
        return value
    bounds = drawn_from(declared, unknown)
    return value if bounds is None else bounds.lowest + secrets.randbelow(bounds.highest - bounds.lowest + 1)


def drawn_from(declared: Sequence[NodeInput], unknown: Bounds) -> Bounds | None:
    """Where a seed is drawn from; None if there is no number that the node takes."""
    lowest, highest = bounds_of(declared) if declared else unknown
    if highest >= 0:
        lowest = max(lowest, 0)
    return Bounds(lowest, highest) if lowest <= highest else None


def takes_minus_one(declared: Sequence[NodeInput]) -> bool:
    """Whether -1 lies within what every server says of the input."""
    return bool(declared) and all(
        one.minimum is not None and one.minimum <= DRAWN and (one.maximum is None or one.maximum >= DRAWN)
        for one in declared
    )


def bounds_of(declared: Sequence[NodeInput]) -> Bounds:
    """The whole numbers that every server takes; if there are none, those that the first one does."""
    each = [own_bounds(one) for one in declared]
    shared = Bounds(max(one.lowest for one in each), min(one.highest for one in each))
    return shared if shared.lowest <= shared.highest else each[0]


def own_bounds(declared: NodeInput) -> Bounds:
    lowest = SAFE.lowest if declared.minimum is None else max(math.ceil(declared.minimum), ANY.lowest)
    if declared.maximum is not None:
        return Bounds(lowest, min(math.floor(declared.maximum), ANY.highest))
    return Bounds(lowest, SAFE.highest if lowest < SAFE.highest else ANY.highest)


def note_on(seeded: Seeded) -> list[str]:
    """What a caller may want to know about how seeds were drawn."""
    if not seeded.unknown:
        return []
    names = ", ".join(map(repr, seeded.unknown[:5])) + (" and others" if len(seeded.unknown) > 5 else "")
    return [f"seeds of {names} were drawn from {SAFE.lowest} to {SAFE.highest}: no server says which ones they take"]
