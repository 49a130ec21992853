"""A job may ask for the outputs of certain nodes only: those must be nodes of its graph. Pure."""

from collections.abc import Iterator
from itertools import islice

from api_service.fleet.check import MOST_ERRORS, MOST_SUGGESTED
from api_service.fleet.close_matches import suggestion
from api_service.refusals.refusal import FieldError
from api_service.submit.job_request import JobRequest
from shared.workflows.shape import LONGEST_NAME


def unknown_output_nodes(request: JobRequest) -> list[FieldError]:
    """The nodes whose outputs are asked for, and which the graph does not have."""
    return list(islice(unknown_nodes(request), MOST_ERRORS))


def unknown_nodes(request: JobRequest) -> Iterator[FieldError]:
    suggested = 0
    for position, node_id in enumerate(request.options.output_nodes or ()):
        if node_id not in request.graph:
            among = request.graph if suggested < MOST_SUGGESTED else ()
            suggested += 1
            named = f"node {node_id[:LONGEST_NAME]!r} is not in the workflow{suggestion(node_id, among)}"
            yield FieldError(field=f"outputs[{position}]", message=named, code="unknown_node")
