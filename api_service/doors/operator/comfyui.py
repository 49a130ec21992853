"""Where a ComfyUI tells that a prompt has ended; signed, and off unless there is a secret."""

from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.http.bodies import content_of, parsed, refuse_unless_json
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.prompts.ended import must_be_of_now, must_be_signed, tell_watchers
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal

LARGEST = 4096  # bytes
OFF = "this is off: COMFYUI_WEBHOOK_SECRET is not set"
SIGNED = {
    "webhook-id": "the same for each try",
    "webhook-timestamp": "seconds since 1970, of this try; good for five minutes",
    "webhook-signature": "`v1,` and the base64 of the HMAC-SHA256 of id, time stamp and body, joined by dots",
}

Body = TypeVar("Body", bound=BaseModel)


class EndedPrompt(BaseModel, frozen=True):
    """Which prompt has ended. How it did is of no interest: the history of its ComfyUI is asked."""

    prompt_id: Annotated[str, Field(pattern=r"^[!-~]{1,255}$")]


class PromptEndedBody(BaseModel, frozen=True):
    """What a ComfyUI tells. Whatever else is in it is passed over."""

    type: Literal["prompt.ended"]
    data: EndedPrompt


async def read_signed(http: Request[Any], model: type[Body], largest: int) -> Body:
    """The body, if its signature is good. Raises Refusal."""
    services = http.state.services
    secret = services.settings.comfyui_webhook_secret
    if secret is None:
        raise Refusal(RequestCode.NOT_FOUND, OFF)
    content = await content_of(http, largest)
    http.state.message_id, moment = await services.run(must_be_signed, secret, http.headers, content)
    await services.run(must_be_of_now, services.engine, moment)
    refuse_unless_json(http)
    return parsed(content, model)


async def prompt_ended(request: ApiRequest[PromptEndedBody, Nothing]) -> Response:
    """Tell that a prompt of a ComfyUI has ended.

    Whoever watches it looks at once into the history of that ComfyUI, and believes nothing else. The node pack in
    `deploy/comfyui_node` does this. It changes nothing where the WebSocket of that ComfyUI works.
    """
    services, message_id = request.services, request.http.state.message_id
    await services.run(tell_watchers, services.messenger, message_id, request.body.data.prompt_id)
    return Response(status_code=HTTPStatus.ACCEPTED)


OPERATIONS = (
    Operation(
        "promptEnded",
        "POST",
        "/webhooks/comfyui",
        prompt_ended,
        Access.NO_KEY,
        {HTTPStatus.ACCEPTED: Answer(None, "whoever watches the prompt looks", media_types=())},
        tag="webhooks",
        body=PromptEndedBody,
        read=read_signed,
        largest_body=LARGEST,
        request_headers=SIGNED,
        problems=(Code.INVALID_SIGNATURE, RequestCode.NOT_FOUND),
    ),
)
