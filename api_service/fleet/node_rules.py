"""Whether one server would take a graph, by the rules of ComfyUI's own validation: pure.

Those are: every class is known; at least one node is an output; and of each node that an output needs, every required
input is there, links fit, and values convert and lie within their bounds and among their choices. A node class may
validate a value by itself instead; where it may, a breach is uncertain.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.fleet.model_kinds import ModelKind
from shared.fleet.node_inputs import CHOICE, DYNAMIC_CHOICE, MATCH_TYPE, PLACEHOLDER, Chosen, NodeInput, declared_for
from shared.fleet.object_info import Catalogue, NodeClass, kind_of
from shared.fleet.replacements import as_replaced
from shared.workflows.links import is_link, needed_for, unwrapped
from shared.workflows.references import is_reference

Graph = Mapping[str, Mapping[str, Any]]

CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float}
UNKNOWN: Mapping[ModelKind, tuple[str, str]] = {
    ModelKind.CHECKPOINTS: ("unknown_checkpoint", "the checkpoint"),
    ModelKind.LORAS: ("unknown_lora", "the LoRA"),
    ModelKind.VAES: ("unknown_vae", "the VAE"),
    ModelKind.SAMPLERS: ("unknown_sampler", "the sampler"),
    ModelKind.SCHEDULERS: ("unknown_scheduler", "the scheduler"),
}
LONGEST_SHOWN = 100


@dataclass(frozen=True)
class Finding:
    """Why a server would refuse a graph: at which node (None: the whole), in which of its fields.

    If the server `lacks` something, that is what, `given` its name, and `among` are the names it has instead.
    """

    node_id: str | None
    field: str
    code: str
    message: str
    lacks: str | None = None
    given: str = ""
    among: tuple[Any, ...] = ()
    is_certain: bool = True


def findings(graph: Graph, catalogue: Catalogue) -> list[Finding]:
    """Everything for which this server would refuse the graph; `graph` has no faults of its own (`graph_faults`)."""
    if catalogue.replacements and any(node["class_type"] in catalogue.replacements for node in graph.values()):
        return findings_of_replaced(graph, catalogue)
    classes = {node_id: catalogue.classes.get(node["class_type"]) for node_id, node in graph.items()}
    known = {node_id: node for node_id, node in classes.items() if node is not None}
    unknown = [node_id for node_id in graph if node_id not in known]
    names = tuple(catalogue.classes)
    found = [unknown_class(node_id, graph[node_id]["class_type"], names) for node_id in unknown]
    # A class that is not known may be an output.
    ends = [node_id for node_id, node in known.items() if node.is_output] + unknown
    if not ends:
        found.append(Finding(None, "", "no_output_node", "no node in it is an output, such as SaveImage"))
    for node_id in needed_for(graph, ends):
        if node_id in known:
            found += input_findings(graph, node_id, known)
    return found


def findings_of_replaced(graph: Graph, catalogue: Catalogue) -> list[Finding]:
    """The findings for the graph that the server makes of this one, by the inputs that this one has."""
    old_names: dict[tuple[str | None, str], str] = {}
    for node_id, node in graph.items():
        if (replacement := catalogue.replacements.get(node["class_type"])) is None:
            continue
        for name, old, _ in replacement.inputs:
            if old is not None:
                old_names[node_id, f"inputs.{name}"] = f"inputs.{old}"
    return [
        replace(one, field=old_names.get((one.node_id, one.field), one.field))
        for one in findings(as_replaced(graph, catalogue.replacements), catalogue)
    ]


def unknown_class(node_id: str, class_type: str, names: tuple[str, ...]) -> Finding:
    lacks = f"the node class {shown(class_type)}"
    return Finding(node_id, "class_type", "unknown_node_class", "", lacks=lacks, given=class_type, among=names)


def input_findings(graph: Graph, node_id: str, known: Mapping[str, NodeClass]) -> Iterator[Finding]:
    given, node = graph[node_id]["inputs"], known[node_id]
    declared = declared_for(node.inputs, given)
    for one in declared.values():
        where = (node_id, f"inputs.{one.name}")
        if one.type.startswith(PLACEHOLDER) and one.type != MATCH_TYPE and one.parts is None:
            continue  # stands for inputs that nobody here understands
        if one.name not in given:
            if one.is_required:
                # A choice of inputs that was not made is missed by the node itself, when it runs.
                is_certain = node.is_core or one.type != DYNAMIC_CHOICE
                text = f"{node.name} needs the input {one.name!r}"
                yield Finding(*where, "required_input_missing", text, is_certain=is_certain)
        elif is_reference(value := given[one.name]):
            yield from reference_findings(where, one)
        elif isinstance(value, list):
            yield from link_findings(where, value, one, known, is_core=node.is_core)
        else:
            yield from value_findings(where, unwrapped(value), one)
    yield from beyond_findings(node_id, given, node, declared)


def beyond_findings(
    node_id: str, given: Mapping[str, Any], node: NodeClass, declared: Mapping[str, NodeInput]
) -> Iterator[Finding]:
    """Links to inputs that stand behind another one, but not now: ComfyUI hands them over, and the node fails."""
    prefixes = tuple(f"{one.name}." for one in node.inputs.values() if one.parts)
    for name, value in given.items():
        if prefixes and name.startswith(prefixes) and name not in declared and is_link(value):
            like = [other for other in declared if other.startswith(f"{name.partition('.')[0]}.")]
            there = f"; there are {like[0]!r} to {like[-1]!r}" if like else ""
            text = f"{node.name} has no input {name!r} here{there}"
            yield Finding(node_id, f"inputs.{name}", "unknown_input", text, is_certain=node.is_core)


def reference_findings(where: tuple[str, str], declared: NodeInput) -> Iterator[Finding]:
    """An asset, where no file is taken. An input whose choices nobody knows may take one, and so may a path."""
    is_unknown = declared.type == CHOICE and declared.choices is None
    if declared.takes is None and not declared.is_path and not is_unknown:
        text = f"takes no file; {shown(declared.name)} is {declared.type}"
        yield Finding(*where, "asset_not_taken", text)


def link_findings(
    where: tuple[str, str], link: list[Any], declared: NodeInput, known: Mapping[str, NodeClass], *, is_core: bool
) -> Iterator[Finding]:
    if not is_link(link):
        yield Finding(*where, "bad_linked_input", why_no_link(link))
        return
    if isinstance(declared.parts, Chosen):
        yield Finding(*where, "bad_linked_input", "is chosen by its name, not by a link", is_certain=is_core)
        return
    source = known.get(link[0])
    if source is None:
        return
    if link[1] >= len(source.outputs):
        text = f"{source.name} has no output {link[1]}: it has {len(source.outputs)}, numbered from 0"
        yield Finding(*where, "link_slot_missing", text)
    elif is_core and source.is_core and not fits(source.outputs[link[1]], declared.type):
        text = f"takes {declared.type}, but output {link[1]} of {source.name} is {source.outputs[link[1]]}"
        yield Finding(*where, "return_type_mismatch", text)


def why_no_link(given: list[Any]) -> str:
    """A sentence for who sent a list that ComfyUI takes for a link, but cannot follow."""
    match given:
        case [int() as node, int() as slot] if not isinstance(node, bool):
            return f'a link is ["{node}", {slot:d}]: the id of a node is a text, in quotes'
        case [str() | int() as node, str() as slot] if slot.isdecimal() and len(slot) < len("1000"):
            return f'a link is ["{str(node)[:LONGEST_SHOWN]}", {int(slot)}]: outputs are numbered, without quotes'
        case [[str(), int()], *_]:
            return "a link is [node, slot], without another list around it"
    return 'a list is taken for a link, which is [node, slot]; a list of values is given as {"__value__": [...]}'


def fits(given: str, taken: str) -> bool:
    """Whether an output's type fits an input's: several are written with commas, `*` is any."""
    if given.startswith(PLACEHOLDER) or taken.startswith(PLACEHOLDER) or CHOICE in {given, taken}:
        return True  # decided by what a list holds, or by other inputs
    givens, takens = ({part.strip() for part in kind.split(",")} for kind in (given, taken))
    return "*" in givens | takens or bool(givens & takens)


def value_findings(where: tuple[str, str], value: Any, declared: NodeInput) -> Iterator[Finding]:
    if convert := CONVERSIONS.get(declared.type):
        try:
            value = convert(value)
        except (TypeError, ValueError, OverflowError):
            yield Finding(*where, "invalid_input_type", f"{shown(value)} is no {declared.type}")
            return
        yield from bound_findings(where, value, declared)
    elif declared.choices is not None and value not in declared.choices:
        yield not_a_choice(where, value, declared, declared.choices)


def bound_findings(where: tuple[str, str], value: float, declared: NodeInput) -> Iterator[Finding]:
    lowest, highest = declared.minimum, declared.maximum
    if lowest is not None and value < lowest:
        text = f"{shown(value)} is less than {lowest}"
        yield Finding(*where, "value_smaller_than_min", text, is_certain=declared.is_closed)
    elif highest is not None and value > highest:
        text = f"{shown(value)} is more than {highest}"
        yield Finding(*where, "value_bigger_than_max", text, is_certain=declared.is_closed)


def not_a_choice(where: tuple[str, str], value: Any, declared: NodeInput, choices: tuple[Any, ...]) -> Finding:
    code, lacks = "value_not_in_list", f"the value {shown(value)} for {declared.name!r}"
    is_certain = declared.is_closed
    if kind := kind_of(declared):
        code, word = UNKNOWN[kind]
        lacks = f"{word} {shown(value)}"
    elif is_file_of_none(value, declared):
        code, lacks, is_certain = "missing_asset", f"the file {shown(value)}, and you have no such asset", True
    return Finding(
        *where,
        code,
        "",
        lacks=lacks,
        given=value if isinstance(value, str) else "",
        among=choices,
        is_certain=is_certain,
    )


def is_file_of_none(value: Any, declared: NodeInput) -> bool:
    """Whether an input that takes an upload is given a name that is neither an asset's, for those are references by
    now, nor one of the server's files. Those in its other folders are in no list."""
    return bool(declared.takes) and isinstance(value, str) and not any(sign in value for sign in "/\\[")


def shown(value: Any) -> str:
    """A value as it is shown in a message: quoted, and not at any length."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
