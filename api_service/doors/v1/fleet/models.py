"""Models: which checkpoints, LoRAs, VAEs, samplers and schedulers the servers have."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.fleet.views import ModelsView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.refusals.codes import Code
from api_service.refusals.fleet import kind_not_found
from shared.fleet.object_info import ModelKind
from shared.models import Scope


async def list_models(request: ApiRequest[Nothing, Nothing]) -> ModelsView:
    """List the models of a kind.

    Kinds are `checkpoints`, `loras`, `vaes`, `samplers` and `schedulers`. A job may name any of these models; one that
    is not `available` right now is only on servers that do not answer, and a job that names it waits for them.
    """
    name = request.path["kind"]
    if name not in list(ModelKind):
        raise kind_not_found(name, ModelKind)
    capabilities = await request.services.run(request.services.capabilities.current)
    return ModelsView.of(ModelKind(name), capabilities)


OPERATIONS = (
    Operation(
        "listModels",
        "GET",
        "/api/v1/models/{kind}",
        list_models,
        Scope.READ,
        {HTTPStatus.OK: Answer(ModelsView, "the models of this kind, by name")},
        tag="fleet",
        problems=(Code.KIND_NOT_FOUND,),
    ),
)
