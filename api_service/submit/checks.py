"""A job is looked at as it will be sent: tidied, with its seeds drawn, and then held to every rule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.check import MOST_ERRORS, FleetVerdict, InputName, fault_errors, fleet_check
from api_service.fleet.fence import fence_errors
from api_service.fleet.labels import label_errors
from api_service.fleet.left_out import GraphLike, without_what_cannot_run
from api_service.fleet.seeds import DRAWN, EXACT, Bounds, note_on, with_seeds
from api_service.inputs.known_assets import NONE as NO_ASSETS
from api_service.inputs.known_assets import KnownAssets
from api_service.inputs.resolving import resolve
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from api_service.submit.job_request import JobRequest
from api_service.submit.wanted_outputs import output_nodes_left_out, unknown_output_nodes
from shared.fleet.fence import OPEN, Fence
from shared.models import JobOutput
from shared.workflows.links import faults_between
from shared.workflows.references import with_references
from shared.workflows.shape import as_sent, check_shape

# How a door's clients call an input of a job's graph: from the request, the node's id (None: the whole graph), and the
# part of the node, such as `inputs.seed`.
FieldName = Callable[[JobRequest, str | None, str], str]

SEEDS_OF_KSAMPLER = Bounds(0, EXACT)  # as far as JSON keeps them


def node_and_part(field: str, graph: Mapping[str, Any]) -> tuple[str | None, str]:
    """What `graph_field` was made of: the node's id, and the name of its input. An id may have dots in it too."""
    parts = field.split(".")
    for length in range(len(parts), 0, -1):
        node_id = ".".join(parts[:length])
        if node_id in graph:
            return node_id, ".".join(parts[length:]).removeprefix("inputs.")
    return None, field


def graph_field(_request: JobRequest, node_id: str | None, part: str) -> str:
    """The input by its path in the graph: `4.inputs.ckpt_name`."""
    return ".".join(filter(None, (node_id, part)))


@dataclass(frozen=True)
class CheckedJob:
    """What is wrong with a job, and what to note on it. `request` is what will be recorded and sent; `planned` is the
    same before its seeds were drawn. `named` are the fields that named the assets it takes, and `outputs` those outputs
    that are to become assets first."""

    planned: JobRequest
    request: JobRequest
    errors: Sequence[FieldError] = ()
    notes: Sequence[str] = ()
    named: Mapping[UUID, str] = field(default_factory=dict)
    outputs: Mapping[UUID, JobOutput] = field(default_factory=dict)


def check_all(
    requests: Sequence[JobRequest],
    capabilities: Capabilities,
    field_name: FieldName = graph_field,
    fence: Fence = OPEN,
    assets: KnownAssets = NO_ASSETS,
) -> list[CheckedJob]:
    """The jobs as they will be sent. Raises Refusal: invalid_fields, with the errors of all, each with its place."""
    checked = [check_one(request, capabilities, field_name, fence, assets) for request in requests]
    errors = [
        error.model_copy(update={"field": f"{request.place}{error.field}"})
        for request, one in zip(requests, checked, strict=True)
        for error in one.errors
    ]
    if errors:
        raise invalid_fields(errors)
    return checked


def check_one(
    request: JobRequest,
    capabilities: Capabilities,
    field_name: FieldName = graph_field,
    fence: Fence = OPEN,
    assets: KnownAssets = NO_ASSETS,
) -> CheckedJob:
    """The job as it will be sent, and what is wrong with it. Pure, but for the seeds."""
    name = partial(field_name, request)
    whole = request.graph if request.parameters else as_sent(request.graph)
    if request.parameters is None and (faults := check_shape(whole)):
        return CheckedJob(request, request, fault_errors(faults, name))
    found = resolve(whole, capabilities, assets, request.assets, name)
    check = check_workflow if request.parameters is None else check_picture
    checked = check(replace(request, graph=whole, assets=found.assets), capabilities, name)
    sent = with_references(checked.request.graph, found.assets)
    unlabelled = label_errors(request.options.requires, capabilities)
    able = capabilities.having(request.options.requires)
    verdict = FleetVerdict() if checked.errors or unlabelled else fleet_check(sent, able, name)
    wrong = {error.field for error in found.errors}
    others = [*unlabelled, *fence_errors(sent, capabilities, fence, name), *checked.errors, *verdict.errors]
    errors = [*found.errors, *(error for error in others if error.field not in wrong)][:MOST_ERRORS]
    notes = [] if errors else [*request.notes, *checked.notes, *verdict.notes]
    return replace(checked, errors=errors, notes=notes, named=found.fields, outputs=found.outputs)


def check_picture(request: JobRequest, capabilities: Capabilities, _name: InputName) -> CheckedJob:
    parameters = request.parameters
    assert parameters is not None, "it is no workflow"
    drawn = request
    if parameters.params.seed == DRAWN:
        graph = with_seeds(request.graph, capabilities, unknown=SEEDS_OF_KSAMPLER).graph
        params = parameters.params.model_copy(update={"seed": graph["sampler"]["inputs"]["seed"]})
        drawn = replace(request, graph=graph, parameters=parameters.model_copy(update={"params": params}))
    return CheckedJob(request, drawn)


def check_workflow(request: JobRequest, capabilities: Capabilities, name: InputName) -> CheckedJob:
    if errors := unknown_output_nodes(request):
        return CheckedJob(request, request, errors)
    kept = without_what_cannot_run(request.graph, capabilities, lambda node_id: name(node_id, ""))
    if errors := output_nodes_left_out(request, kept.graph):
        return CheckedJob(request, request, errors)
    planned = replace(request, graph=with_titles(kept.graph, capabilities))
    seeded = with_seeds(planned.graph, capabilities, request.seed)
    if request.seed != "same" and not seeded.seeds:
        error = FieldError(field="seed", message="no node of the workflow has a seed", code="no_seed")
        return CheckedJob(planned, planned, [error])
    drawn = replace(planned, graph=seeded.graph)
    if faults := faults_between(kept.graph):
        return CheckedJob(planned, drawn, fault_errors(faults, name))
    return CheckedJob(planned, drawn, notes=[*kept.notes, *note_on(seeded)])


def with_titles(graph: GraphLike, capabilities: Capabilities) -> GraphLike:
    """The graph with a title on each node whose class some server replaces: ComfyUI answers 500 to one without."""
    untitled = {
        node_id: {**node, "_meta": {"title": node["class_type"]}}
        for node_id, node in graph.items()
        if not isinstance(node.get("_meta"), dict) and capabilities.replacements_of(node["class_type"])
    }
    return {**graph, **untitled} if untitled else graph
