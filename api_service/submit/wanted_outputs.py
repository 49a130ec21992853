"""A job may ask for the outputs of certain nodes only: those must be nodes of its graph. Pure."""

from collections.abc import Container, Iterator
from itertools import islice

from api_service.fleet.check import MOST_ERRORS, MOST_SUGGESTED
from api_service.fleet.close_matches import suggestion
from api_service.refusals.refusal import FieldError
from api_service.submit.job_request import JobRequest
from shared.workflows.shape import LONGEST_NAME


def unknown_output_nodes(request: JobRequest) -> list[FieldError]:
    """The nodes whose outputs are asked for, and which the graph does not have."""
    return list(islice(unknown_nodes(request), MOST_ERRORS))


def output_nodes_left_out(request: JobRequest, kept: Container[str]) -> list[FieldError]:
    """The nodes whose outputs are asked for, and which are not sent: they could not run."""
    return [
        FieldError(
            field=f"outputs[{position}]",
            message=f"node {node_id[:LONGEST_NAME]!r} cannot run: it, or a node that it needs, is not connected",
            code="node_left_out",
        )
        for position, node_id in enumerate(request.options.output_nodes or ())
        if node_id not in kept
    ]


def unknown_nodes(request: JobRequest) -> Iterator[FieldError]:
    suggested = 0
    for position, node_id in enumerate(request.options.output_nodes or ()):
        if node_id not in request.graph:
            among = request.graph if suggested < MOST_SUGGESTED else ()
            suggested += 1
            named = f"node {node_id[:LONGEST_NAME]!r} is not in the workflow{suggestion(node_id, among)}"
            yield FieldError(field=f"outputs[{position}]", message=named, code="unknown_node")
