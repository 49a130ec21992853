"""Pictures from words."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.idempotency_key import idempotency_key
from api_service.doors.openai.answers.promises import OF_PICTURES, SENT_ALONG, pictures
from api_service.doors.openai.asking.bodies import GenerationBody
from api_service.doors.openai.asking.choosing import chosen_model
from api_service.doors.openai.asking.places import GENERATIONS, AnyQuery
from api_service.doors.openai.asking.sizes import size_of
from api_service.doors.openai.making import Wanted, make
from api_service.http.operations import Operation
from shared.models import Scope

KIND = "image_generation"


async def generate(request: ApiRequest[GenerationBody, AnyQuery]) -> Response:
    """Make pictures from words.

    They are made in one job, and this answers once it has ended. If that takes longer than the client waits, the job
    goes on: 504 names it, and the same request with the same `Idempotency-Key` waits for it again.
    """
    services, body = request.services, request.body
    known = await services.run(services.capabilities.current)
    model = chosen_model(body.model, known, services.settings.model_aliases)
    key = idempotency_key(request.http, body.without_form())
    return await make(request, Wanted(body, body.parameters(model, size_of(body.size)), key, KIND))


OPERATIONS = (
    Operation(
        "createImage",
        "POST",
        GENERATIONS,
        generate,
        Scope.WRITE,
        {HTTPStatus.OK: pictures(KIND)},
        tag="images",
        body=GenerationBody,
        query=AnyQuery,
        problems=OF_PICTURES,
        request_headers=SENT_ALONG,
        submits=True,
    ),
)
