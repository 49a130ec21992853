"""A new asset of what is at a URL: the body of `POST /api/v1/assets` is JSON then, and no form."""

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.types import Receive

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.assets.keeping import Kept
from api_service.assets.receiving import Receiving
from api_service.doors.binding import ApiRequest
from api_service.doors.incoming import largest_upload, one_upload
from api_service.doors.v1.assets.bodies import FromUrlBody
from api_service.http.bodies import JSON, media_type_of, read_json
from api_service.http.multipart import FORM
from api_service.http.operations import NOTHING
from api_service.http.request_refusals import unsupported_media_type
from shared.files.asset_names import name_from
from shared.outgoing.deadline import Deadline


async def read_unless_form(http: Request[Any], model: type[Any], largest: int) -> Any:
    """A JSON body as a model; a form is left for the endpoint, which reads it as it comes. Raises Refusal."""
    match media_type_of(http):
        case "multipart/form-data":
            return NOTHING
        case "application/json":
            return await read_json(http, model, largest)
        case _:
            raise unsupported_media_type(http.headers.get("content-type", ""), f"{FORM} or {JSON}")


async def fetched(request: ApiRequest[Any, Any], body: FromUrlBody, sent: IdempotencyKey | None) -> Kept:
    """Fetch what is at the URL, and keep it. Raises Refusal."""
    details = body.details(name_of(body.url))._replace(sent=sent)
    async with one_upload(request, largest_upload(request)) as sink:
        await fetch(request, body.url, sink.receiving)
        return await request.services.run(sink.receiving.finish, details)


async def fetch(request: ApiRequest[Any, Any], url: str, receiving: Receiving) -> None:
    """Read what is at the URL until it ends, or the client hangs up. Raises Refusal."""
    services = request.services
    with services.fetches.place(request.identity.user_id) as deadline:
        await services.run(receiving.begin)
        watching = asyncio.create_task(give_up_when_hung_up(request.http.receive, deadline))
        try:
            await anyio.to_thread.run_sync(
                services.fetches.fetch, url, receiving, deadline, limiter=services.fetches.threads
            )
        finally:
            watching.cancel()


def name_of(url: str) -> str:
    """What a file is called by its URL: the last part of its path."""
    try:
        return name_from(unquote(urlsplit(url).path))
    except ValueError:
        return name_from("")


async def give_up_when_hung_up(receive: Receive, deadline: Deadline) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    deadline.give_up()
