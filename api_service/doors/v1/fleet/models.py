"""Models: which checkpoints, LoRAs, VAEs, samplers, schedulers and other models the servers have."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.fleet.views import ModelsView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.refusals.codes import Code
from api_service.refusals.fleet import kind_not_found
from shared.models import Scope


async def list_models(request: ApiRequest[Nothing, Nothing]) -> ModelsView:
    """List the models of a kind.

    Kinds are `checkpoints`, `loras`, `vaes`, `samplers` and `schedulers`, and every folder of models for which some
    server has a node class: `diffusion_models`, `text_encoders`, `controlnet`, `upscale_models` and so on. A job may
    name any of these models; one that is not `available` right now is only on servers that do not answer, and a job
    that names it waits for them.
    """
    kind = request.path["kind"]
    capabilities = await request.services.run(request.services.capabilities.current)
    if kind not in (kinds := capabilities.kinds()):
        raise kind_not_found(kind, kinds)
    return ModelsView.of(kind, capabilities)


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
