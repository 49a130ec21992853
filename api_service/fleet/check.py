"""A job is accepted only if some server could run it: one that is there, or one that may come back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api_service.fleet.capability_cache import Capabilities, KnownServer
from api_service.fleet.close_matches import suggestion
from api_service.fleet.node_rules import Finding, Graph, findings
from api_service.refusals.refusal import FieldError
from shared.workflows.links import graph_faults
from shared.workflows.parameters import Sampling, TextToImage
from shared.workflows.shape import WorkflowFault, with_seeds
from shared.workflows.text_to_image import text_to_image

MOST_ERRORS = 100
MOST_SUGGESTED = 10  # comparing names takes its time

NOTHING_KNOWN = "no ComfyUI server has said yet what it can do: whether one can run this is not known"
SOME_UNKNOWN = "only a server that has not said what it can do may be able to run this"
ONLY_AWAY = "only a server that does not answer right now can run this: the job waits for it"

Where = tuple[str | None, str, str]


@dataclass(frozen=True)
class Checked:
    """The errors for which a job is refused, and notes on one that is accepted."""

    errors: Sequence[FieldError] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Verdict:
    """What one server would have against a graph."""

    server: KnownServer
    certain: dict[Where, Finding]
    uncertain: list[Finding]


def fleet_check(asked: TextToImage | Mapping[str, Any], capabilities: Capabilities) -> Checked:
    """Whether any one server can run these parameters, or this raw workflow. Pure."""
    if isinstance(asked, TextToImage):
        drawn = asked.model_copy(update={"params": asked.params.with_seed()})
        return check_graph(text_to_image(drawn), capabilities, TypedFields())
    faults = graph_faults(asked)
    if faults:
        return Checked([fault_error(fault) for fault in faults[:MOST_ERRORS]])
    # A seed of -1 is going to be drawn.
    return check_graph(with_seeds(asked, lambda seed: 0 if seed == -1 else seed), capabilities, RawFields())


def check_graph(graph: Graph, capabilities: Capabilities, fields: "Fields") -> Checked:
    verdicts = judge(graph, capabilities.servers)
    able = [verdict for verdict in verdicts if not verdict.certain]
    for verdict in able:
        if verdict.server.is_reachable:
            return Checked(notes=[uncertain_note(fields, finding) for finding in verdict.uncertain])
    unknown = [server for server in capabilities.servers if server.catalogue is None]
    if able:
        return Checked(notes=[f"{ONLY_AWAY}{because(verdicts)}"])
    if unknown or not verdicts:
        return Checked(notes=[SOME_UNKNOWN if verdicts else NOTHING_KNOWN])
    return Checked(errors_of(verdicts, fields))


def judge(graph: Graph, servers: Sequence[KnownServer]) -> list[Verdict]:
    """The verdict of each server that said what it can do; servers that said the same are asked once."""
    by_catalogue: dict[int, list[Finding]] = {}
    verdicts = []
    for server in servers:
        if server.catalogue is None:
            continue
        key = id(server.catalogue)
        if key not in by_catalogue:
            by_catalogue[key] = findings(graph, server.catalogue)
        found = by_catalogue[key]
        certain = {(one.node_id, one.field, one.code): one for one in found if one.is_certain}
        verdicts.append(Verdict(server, certain, [one for one in found if not one.is_certain]))
    return verdicts


def because(verdicts: Sequence[Verdict]) -> str:
    """What the servers that answer lack."""
    lacking = [one.lacks for verdict in verdicts for one in verdict.certain.values() if one.lacks]
    return f", as those that answer lack {', '.join(dict.fromkeys(lacking[:3]))}" if lacking else ""


def errors_of(verdicts: Sequence[Verdict], fields: "Fields") -> list[FieldError]:
    """What every server has against the graph; if there is no such thing, what the one that comes closest has."""
    shared = [where for where in verdicts[0].certain if all(where in verdict.certain for verdict in verdicts)]
    if shared:
        alike = [[verdict.certain[where] for verdict in verdicts] for where in shared[:MOST_ERRORS]]
        return [
            field_error(fields, one[0], "no server has {}", among=names_in(one) if number < MOST_SUGGESTED else ())
            for number, one in enumerate(alike)
        ]
    closest = min(verdicts, key=lambda verdict: (len(verdict.certain), not verdict.server.is_reachable))
    tell = "some servers have {}, but none of them has everything else that this asks for"
    return [field_error(fields, one, tell) for one in list(closest.certain.values())[:MOST_ERRORS]]


def names_in(alike: Sequence[Finding]) -> set[str]:
    """What any of several servers has in place of what they lack."""
    tuples = {id(one.among): one.among for one in alike}
    return {name for among in tuples.values() for name in among if isinstance(name, str)}


def field_error(fields: "Fields", finding: Finding, tell: str, *, among: Collection[str] = ()) -> FieldError:
    message = finding.message
    if finding.lacks is not None:
        message = tell.replace("{}", finding.lacks) + suggestion(finding.given, among)
    return FieldError(field=fields.name(finding.node_id, finding.field), message=message, code=finding.code)


def uncertain_note(fields: "Fields", finding: Finding) -> str:
    breach = finding.message or f"it is not known to have {finding.lacks}"
    return f"{fields.name(finding.node_id, finding.field)}: {breach}; the node may refuse this"


def fault_error(fault: WorkflowFault) -> FieldError:
    name = RawFields().name(fault.node_id, fault.field or "")
    return FieldError(field=name, message=fault.message, code=fault.code)


class RawFields:
    """Names the fields of a raw workflow: `workflow.4.inputs.ckpt_name`."""

    def name(self, node_id: str | None, part: str) -> str:
        return ".".join(filter(None, ("workflow", node_id, part)))


class TypedFields:
    """Names the field of the parameters that a node's input was made from: `lora_models[1].name`."""

    def name(self, node_id: str | None, part: str) -> str:
        node_id, name = node_id or "", part.removeprefix("inputs.")
        if node_id.startswith("lora_"):
            position = f"lora_models[{int(node_id.removeprefix('lora_')) - 1}]"
            return {"lora_name": f"{position}.name", "class_type": position}.get(name, f"{position}.{name}")
        match node_id:
            case "checkpoint":
                return "checkpoint_model"
            case "vae":
                return "params.vae_name"
            case "clip_skip":
                return "params.clip_skip"
            case "sampler" if name in Sampling.model_fields:
                return f"sampler_params.{name}"
            case "latent" if name in TextToImage.model_fields:
                return name
            case "prompt" | "negative_prompt":
                return node_id
            case _:
                return "body"


Fields = RawFields | TypedFields
