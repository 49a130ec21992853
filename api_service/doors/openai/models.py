"""The checkpoints that some server has, as models."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.openai.answers.codes import ImageCode
from api_service.doors.openai.answers.views import ModelsView, ModelView
from api_service.doors.openai.asking.choosing import checkpoints, no_such_model
from api_service.doors.openai.asking.places import MODELS, AnyQuery
from api_service.fleet.aliases import meant
from api_service.http.operations import Answer, Nothing, Operation
from shared.models import Scope

NoBody = ApiRequest[Nothing, AnyQuery]


async def list_models(request: NoBody) -> ModelsView:
    """List the checkpoints that some server has."""
    known = await request.services.run(request.services.capabilities.current)
    return ModelsView(data=[ModelView(id=name) for name in checkpoints(known)])


async def show_model(request: NoBody) -> ModelView:
    """Look whether some server has a checkpoint, or what its name stands for."""
    known = await request.services.run(request.services.capabilities.current)
    name = request.path["model"]
    if meant(name, checkpoints(known), request.services.settings.model_aliases) not in checkpoints(known):
        raise no_such_model(name, known)
    return ModelView(id=name)


OPERATIONS = (
    Operation(
        "listModels",
        "GET",
        MODELS,
        list_models,
        Scope.READ,
        {HTTPStatus.OK: Answer(ModelsView, "the checkpoints")},
        tag="models",
        query=AnyQuery,
    ),
    Operation(
        "retrieveModel",
        "GET",
        f"{MODELS}/{{model:path}}",  # a checkpoint may be in a folder
        show_model,
        Scope.READ,
        {HTTPStatus.OK: Answer(ModelView, "the checkpoint")},
        tag="models",
        query=AnyQuery,
        problems=(ImageCode.MODEL_NOT_FOUND,),
    ),
)
