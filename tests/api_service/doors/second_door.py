"""A small API of another form, over the same core: a graph in, words about its job out."""

from functools import partial
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

from api_service.accounts.identity import Identity
from api_service.doors.binding import ApiRequest, count, settle
from api_service.http.operations import Door, Nothing, Operation, routes_of
from api_service.jobs.changes import cancel_job
from api_service.refusals.refusal import Refusal
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.submit.submit import Submission, submit
from shared.models import EventType, Scope


class PromptBody(BaseModel):
    prompt: dict[str, Any]
    urgent: bool = False


async def by_token(http: Request[Any]) -> Identity:
    """The key comes in a header of this API's own."""
    services = http.state.services
    return await services.run(services.keyring.identify, f"Bearer {http.headers.get('x-token')}")  # type: ignore[no-any-return]


async def queue_prompt(request: ApiRequest[PromptBody, Nothing]) -> int:
    job = JobRequest(request.body.prompt, options=JobOptions(priority=9 if request.body.urgent else 5))
    user = request.identity.user_id
    accepted = await submit(request.services.acceptance, Submission([job], request.charge, user, "second door"))
    return accepted.jobs[0].id


async def watch(request: ApiRequest[Nothing, Nothing]) -> list[str]:
    """The events of a job until its end."""
    seen: list[EventType] = []
    async with request.services.relay.watch(int(request.path["id"])) as watch:
        watch.begin(0, None)
        while not seen or not seen[-1].is_final:
            seen.append((await watch.next()).type)
    return [str(one) for one in seen]


async def interrupt(request: ApiRequest[Nothing, Nothing]) -> str:
    services, job_id = request.services, int(request.path["id"])
    return (await services.run(cancel_job, services.messenger, job_id, request.identity.owner)).status


async def refuse(_request: Request[Any], refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refusal)
    return JSONResponse({"error": refusal.code, "wrong": [error.field for error in refusal.errors]}, 400)


operation = partial(Operation, scope=Scope.WRITE, answers={}, tag="", render=JSONResponse)
OPERATIONS = (
    operation("queue", "POST", "/prompt", queue_prompt, body=PromptBody),
    operation("watch", "GET", "/events/{id}", watch),
    operation("interrupt", "POST", "/interrupt/{id}", interrupt),
)
ROUTES = routes_of(OPERATIONS, Door(by_token, count, settle))
HANDLERS: dict[Any, Any] = {Refusal: refuse}
