"""A job is accepted only if some server could run it: one that is there, or one that may come back."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from api_service.fleet.capability_cache import Capabilities, KnownServer
from api_service.fleet.close_matches import suggestion
from api_service.fleet.node_rules import Finding, Graph, findings
from api_service.fleet.websocket_only import websocket_notes, websocket_only_findings
from api_service.refusals.refusal import FieldError
from shared.workflows.shape import WorkflowFault

MOST_ERRORS = 100
MOST_SUGGESTED = 10  # comparing names takes its time

NOTHING_KNOWN = "no server has reported its capabilities yet"
SOME_UNKNOWN = "only a server that has not reported its capabilities may be able to run this"
ONLY_AWAY = "only an offline server can run this; the job waits for it"

Where = tuple[str | None, str, str]
# How clients call an input: from the node's id (None: the whole graph) and the part of the node, such as `inputs.seed`.
InputName = Callable[[str | None, str], str]


@dataclass(frozen=True)
class FleetVerdict:
    """The errors for which a job is refused, and notes on one that is accepted."""

    errors: Sequence[FieldError] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Verdict:
    """What one server would have against a graph."""

    server: KnownServer
    certain: dict[Where, Finding]
    uncertain: list[Finding]


def fleet_check(graph: Graph, capabilities: Capabilities, name: InputName) -> FleetVerdict:
    """Whether any one of these servers can run this graph, which has no faults of its own. Pure."""
    verdicts = judge(graph, capabilities.servers)
    able = [verdict for verdict in verdicts if not verdict.certain]
    for verdict in able:
        if verdict.server.is_usable:
            uncertain = [uncertain_note(name, finding) for finding in verdict.uncertain]
            return FleetVerdict(notes=[*uncertain, *websocket_notes(graph)])
    unknown = [server for server in capabilities.servers if server.catalogue is None]
    if able:
        return FleetVerdict(notes=[f"{ONLY_AWAY}{because(verdicts)}"])
    if unknown or not verdicts:
        return FleetVerdict(notes=[SOME_UNKNOWN if verdicts else NOTHING_KNOWN])
    return FleetVerdict(errors_of(verdicts, name, with_labels(capabilities.labels)))


def judge(graph: Graph, servers: Sequence[KnownServer]) -> list[Verdict]:
    """The verdict of each server that said what it can do; servers that said the same are asked once."""
    by_catalogue: dict[int, list[Finding]] = {}
    verdicts = []
    for server in servers:
        if server.catalogue is None:
            continue
        key = id(server.catalogue)
        if key not in by_catalogue:
            by_catalogue[key] = findings(graph, server.catalogue) + websocket_only_findings(graph, server.catalogue)
        found = by_catalogue[key]
        certain = {(one.node_id, one.field, one.code): one for one in found if one.is_certain}
        verdicts.append(Verdict(server, certain, [one for one in found if not one.is_certain]))
    return verdicts


def because(verdicts: Sequence[Verdict]) -> str:
    """What the servers that are online lack."""
    lacking = [one.lacks for verdict in verdicts for one in verdict.certain.values() if one.lacks]
    return f", because the others lack {', '.join(dict.fromkeys(lacking[:3]))}" if lacking else ""


def with_labels(labels: Sequence[str]) -> str:
    """Which servers were looked at, where the job's labels leave out others."""
    return f" with the label{'s' if len(labels) > 1 else ''} {', '.join(labels)}" if labels else ""


def errors_of(verdicts: Sequence[Verdict], name: InputName, which: str) -> list[FieldError]:
    """What every server has against the graph; if there is no such thing, what the one that comes closest has.
    `which` servers those are is said in the messages."""
    shared = [where for where in verdicts[0].certain if all(where in verdict.certain for verdict in verdicts)]
    if shared:
        alike = [[verdict.certain[where] for verdict in verdicts] for where in shared[:MOST_ERRORS]]
        return [
            field_error(
                name, one[0], f"no server{which} has {{}}", among=names_in(one) if number < MOST_SUGGESTED else ()
            )
            for number, one in enumerate(alike)
        ]
    closest = min(verdicts, key=lambda verdict: (len(verdict.certain), not verdict.server.is_usable))
    template = f"some servers{which} have {{}}, but none of them has everything else that this asks for"
    return [field_error(name, one, template) for one in list(closest.certain.values())[:MOST_ERRORS]]


def names_in(alike: Sequence[Finding]) -> set[str]:
    """What any of several servers has in place of what they lack."""
    tuples = {id(one.among): one.among for one in alike}
    return {name for among in tuples.values() for name in among if isinstance(name, str)}


def field_error(name: InputName, finding: Finding, template: str, *, among: Collection[str] = ()) -> FieldError:
    message = finding.message
    if finding.lacks is not None:
        message = template.replace("{}", finding.lacks) + suggestion(finding.given, among)
    return FieldError(field=name(finding.node_id, finding.field), message=message, code=finding.code)


def uncertain_note(name: InputName, finding: Finding) -> str:
    breach = finding.message or f"the server may lack {finding.lacks}"
    return f"{name(finding.node_id, finding.field)}: {breach}; the node may refuse this"


def fault_errors(faults: Sequence[WorkflowFault], name: InputName) -> list[FieldError]:
    return [
        FieldError(field=name(fault.node_id, fault.field or ""), message=fault.message, code=fault.code)
        for fault in faults[:MOST_ERRORS]
    ]
