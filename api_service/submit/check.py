"""Whether a job can be accepted: it is a graph, and a server of the fleet can run it, or may be able to later."""

from collections.abc import Callable, Sequence
from functools import partial

from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.check import FleetVerdict, fault_errors, fleet_check
from api_service.refusals.jobs import invalid_fields
from api_service.submit.job_request import JobRequest
from shared.workflows.links import graph_faults
from shared.workflows.shape import with_seeds

# How a door's clients call an input of a job's graph: from the request, the node's id (None: the whole graph), and the
# part of the node, such as `inputs.seed`.
FieldName = Callable[[JobRequest, str | None, str], str]


def graph_field(_request: JobRequest, node_id: str | None, part: str) -> str:
    """The input by its path in the graph: `4.inputs.ckpt_name`."""
    return ".".join(filter(None, (node_id, part)))


def check_all(
    requests: Sequence[JobRequest], capabilities: Capabilities, field_name: FieldName = graph_field
) -> list[Sequence[str]]:
    """Notes on each job. Raises Refusal: invalid_fields, with the errors of all jobs, each with its job's place."""
    verdicts = [check(request, capabilities, field_name) for request in requests]
    errors = [
        error.model_copy(update={"field": f"{request.place}{error.field}"})
        for request, verdict in zip(requests, verdicts, strict=True)
        for error in verdict.errors
    ]
    if errors:
        raise invalid_fields(errors)
    return [verdict.notes for verdict in verdicts]


def check(request: JobRequest, capabilities: Capabilities, field_name: FieldName = graph_field) -> FleetVerdict:
    """What is wrong with a job, and what to note on it. Pure."""
    name = partial(field_name, request)
    if request.parameters is None and (faults := graph_faults(request.graph)):
        return FleetVerdict(fault_errors(faults, name))
    # A seed of -1 is going to be drawn.
    return fleet_check(with_seeds(request.graph, lambda seed: 0 if seed == -1 else seed), capabilities, name)
