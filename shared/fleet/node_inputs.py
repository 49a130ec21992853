"""One input of a node class, as `/object_info` describes it, in a form that is compact, frozen, and easy to ask.

It comes in two dialects: a choice is a list of values, or `COMBO` with `options`. An input may also stand for others:
as many as are given (`COMFY_AUTOGROW_V3`), those of the option that is chosen (`COMFY_DYNAMICCOMBO_V3`), or those that
come with a link (`COMFY_DYNAMICSLOT_V3`); see ComfyUI's `comfy_api/latest/_io.py`. What is not understood is left out.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from shared.fleet.file_inputs import CACHED, UPLOADS, files_taken
from shared.fleet.model_kinds import KIND_OF_INPUT
from shared.fleet.paths import names_a_path
from shared.models import AssetKind

CHOICE = "COMBO"
PLACEHOLDER = "COMFY_"  # begins the name of a type that is none of its own
MATCH_TYPE = "COMFY_MATCHTYPE_V3"  # takes what another input takes; ComfyUI leaves that to its editor
AUTOGROW, DYNAMIC_CHOICE, DYNAMIC_SLOT = "COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICSLOT_V3"
WIDGETS = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", CHOICE, DYNAMIC_CHOICE})
# A file that was uploaded a moment ago is not in the list yet, and ComfyUI looks into the folder instead.
OPEN_FLAGS = (*UPLOADS, "remote", "multiselect")
# ... and these list uploads without saying so, or take what is not in their list.
OPEN_CLASSES = frozenset({"LoadLatent", "GeminiInputFiles", "OpenAIInputFiles", "CustomCombo"})
MOST_GROWN = 100  # ComfyUI's own limit for one input that grows
DEEPEST = 8  # levels of inputs that stand for others


@dataclass(frozen=True, slots=True)
class Grown:
    """As many inputs as are given, all like `template`, under these names; the first `least` are needed."""

    template: "NodeInput"
    names: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The inputs that come with each option."""

    by_option: Mapping[Any, tuple["NodeInput", ...]]


@dataclass(frozen=True, slots=True)
class Linked:
    """The inputs that come with a link."""

    inputs: tuple["NodeInput", ...]


@dataclass(frozen=True, slots=True)
class NodeInput:
    """One input of a node class: a value of `type`, or one of `choices`, or a number between bounds.

    `is_closed`: ComfyUI refuses a value that is not among the choices or within the bounds. Of other inputs it may, or
    may not: a node can validate for itself, and `/object_info` does not say so.
    `is_socket`: it takes nothing but a link. `is_seed`: the editor draws it after each run. `is_path`: it names a
    file or a folder. `takes` are the kinds of files of which it takes one, none for any; None: it takes no file.
    `parts` are the inputs it stands for.
    """

    name: str
    type: str
    is_required: bool
    choices: tuple[Any, ...] | None
    minimum: float | int | None
    maximum: float | int | None
    is_closed: bool
    is_socket: bool = False
    is_seed: bool = False
    is_path: bool = False
    takes: frozenset[AssetKind] | None = None
    parts: Grown | Chosen | Linked | None = None


class Origin(NamedTuple):
    """Where an input is declared: in which class, whether that is ComfyUI's own, and how deep within other inputs."""

    class_name: str
    is_core: bool
    depth: int = 0


def inputs_of(origin: Origin, parts: Any) -> Iterator[NodeInput]:
    """The inputs in `{"required": {name: spec}, "optional": {...}}`."""
    for part in ("required", "optional"):
        specs = parts.get(part) if isinstance(parts, dict) else None
        for name, spec in specs.items() if isinstance(specs, dict) else ():
            if isinstance(spec, list) and spec:
                yield node_input(origin, name, spec, is_required=part == "required")


def node_input(origin: Origin, name: str, spec: list[Any], *, is_required: bool) -> NodeInput:
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    kind = type_name(spec[0])
    parts = parts_of(origin, kind, options) if kind.startswith(PLACEHOLDER) and origin.depth < DEEPEST else None
    # That of ComfyUI's own nodes, and of names that mean the same in every pack.
    is_strict = origin.is_core or name in KIND_OF_INPUT
    is_open = origin.class_name in OPEN_CLASSES or any(options.get(flag) for flag in OPEN_FLAGS)
    choices = tuple(parts.by_option) if isinstance(parts, Chosen) else choices_in(spec[0], options)
    is_closed = is_strict and not is_open
    return NodeInput(
        name=name,
        type=kind,
        is_required=is_required and (not kind.startswith(PLACEHOLDER) or kind in {MATCH_TYPE, DYNAMIC_CHOICE}),
        choices=choices,
        minimum=bound(options.get("min")),
        maximum=bound(options.get("max")),
        is_closed=is_closed,
        is_socket=kind not in WIDGETS or options.get("forceInput") is True,
        is_seed=kind == "INT" and options.get("control_after_generate") in (True, "randomize"),
        is_path=any(options.get(flag) for flag in UPLOADS)
        or ("STRING" in kind.split(",") and names_a_path(origin.class_name, name, options)),
        takes=CACHED.get((origin.class_name, name)) or files_taken(options, None if is_closed or parts else choices),
        parts=parts,
    )


def choices_in(kind: Any, options: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The values of a choice, where they are plain ones."""
    listed = kind if isinstance(kind, list) else options.get("options") if kind == CHOICE else None
    is_plain = isinstance(listed, list) and all(isinstance(choice, str | int | float) for choice in listed)
    return tuple(listed) if is_plain and isinstance(listed, list) else None


def parts_of(origin: Origin, kind: str, options: Mapping[str, Any]) -> Grown | Chosen | Linked | None:
    """What an input stands for; None where that is not understood."""
    within = origin._replace(depth=origin.depth + 1)
    match kind:
        case "COMFY_AUTOGROW_V3":
            return grown(within, options.get("template"))
        case "COMFY_DYNAMICCOMBO_V3":
            listed = options.get("options")
            found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            return Chosen(
                {
                    one["key"]: tuple(inputs_of(within, one.get("inputs")))
                    for one in found
                    if isinstance(one.get("key"), str | int | float)
                }
            )
        case "COMFY_DYNAMICSLOT_V3":
            return Linked(tuple(inputs_of(within, options.get("inputs"))))
    return None


def grown(origin: Origin, template: Any) -> Grown | None:
    """The first input of the template, under its names or under its prefix and a number."""
    if not isinstance(template, dict):
        return None
    first = next(inputs_of(origin, template.get("input")), None)
    names, prefix, most = template.get("names"), template.get("prefix"), template.get("max")
    if isinstance(names, list):
        given = [name for name in names[:MOST_GROWN] if isinstance(name, str)]
    elif isinstance(prefix, str) and isinstance(most, int):
        given = [f"{prefix}{number}" for number in range(min(most, MOST_GROWN))]
    else:
        return None
    least = template.get("min")
    if first is None or first.parts is not None or not isinstance(least, int):
        return None
    return Grown(first, tuple(given), least)


def declared_for(inputs: Mapping[str, NodeInput], given: Mapping[str, Any]) -> Mapping[str, NodeInput]:
    """The inputs that a node has with these values: those that others stand for are named `images.image0`."""
    if not any(one.parts for one in inputs.values()):
        return inputs
    return {one.name: one for one in expanded(tuple(inputs.values()), given)}


def expanded(inputs: tuple[NodeInput, ...], given: Mapping[str, Any], prefix: str = "") -> Iterator[NodeInput]:
    """As `get_finalized_class_inputs` of ComfyUI; only that a choice that is not made is kept, so that it is missed."""
    for one in inputs:
        name = f"{prefix}{one.name}"
        match one.parts:
            case Grown(template, names, least):
                for place, part in enumerate(names):
                    is_required = place < least and template.is_required
                    yield replace(template, name=f"{name}.{part}", is_required=is_required)
            case Chosen(by_option):
                yield replace(one, name=name)
                chosen = given.get(name)
                if isinstance(chosen, str | int | float):
                    yield from expanded(by_option.get(chosen, ()), given, f"{name}.")
            case Linked(parts):
                yield replace(one, name=name)
                if name in given:
                    yield from expanded(parts, given, f"{name}.")
            case None:
                yield replace(one, name=name) if prefix else one


def type_name(kind: Any) -> str:
    """The name of a type. A list of values is the type of a choice."""
    return kind if isinstance(kind, str) else CHOICE


def bound(value: Any) -> float | int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else None
