"""Node classes: what a raw workflow may be made of, and what each takes and gives."""

from collections.abc import Callable
from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.fleet.views import NodeClassView
from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.close_matches import suggestion
from api_service.http.operations import Answer, Nothing, Operation
from api_service.refusals.codes import Code
from api_service.refusals.fleet import node_class_not_found
from shared.models import Scope


async def show_node_class(request: ApiRequest[Nothing, Nothing]) -> NodeClassView:
    """Show a node class.

    Its inputs and outputs are those of a server that answers, if one of those has it. Custom nodes may differ from one
    server to another.
    """
    name = request.path["node_class"]
    return await request.services.run(look_up, request.services.capabilities.current, name)


def look_up(current: Callable[[], Capabilities], name: str) -> NodeClassView:
    capabilities = current()
    found = capabilities.node_class(name)
    if found is None:
        raise node_class_not_found(name, suggestion(name, capabilities.node_class_names()))
    return NodeClassView.of(*found)


OPERATIONS = (
    Operation(
        "showNodeClass",
        "GET",
        "/api/v1/nodes/{node_class}",
        show_node_class,
        Scope.READ,
        {HTTPStatus.OK: Answer(NodeClassView, "the node class")},
        tag="fleet",
        problems=(Code.NODE_CLASS_NOT_FOUND,),
    ),
)
