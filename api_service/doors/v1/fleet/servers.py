"""ComfyUI servers: see them all; add, change and remove them; have one take no more jobs, and take them again."""

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.fleet.bodies import Credentials, NewServer, ServerChange, ServerRemoval
from api_service.fleet import fleet_queries, server_changes
from api_service.fleet.fleet_queries import NamedServer, ServersView, ServerView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.signed_urls import base_of
from api_service.refusals.codes import Code
from shared.models import Scope

SERVERS = "/api/v1/servers"


async def show_all(request: ApiRequest[Nothing, Nothing]) -> ServersView:
    """Show every ComfyUI server.

    What state each is in, its slots, version and models, and what failed there in the last ten minutes.
    """
    return await request.services.run(fleet_queries.servers_as_seen, request.services.engine)


async def add(request: ApiRequest[NewServer, Nothing]) -> Response:
    """Add a server.

    Workers use it within seconds, beside those of COMFYUI_URLS. Credentials are stored encrypted and never shown.
    """
    services, body = request.services, request.body
    own = (base_of(request.http, None), services.settings.public_url or "")
    server_changes.refuse_own(body.url, list(filter(None, own)), root=services.settings.root_path)
    credentials = await stored(request, body.credentials)
    server = await services.run(server_changes.add, services.engine, body.url, body.given(), credentials)
    return answer_with(server, HTTPStatus.CREATED)


async def change(request: ApiRequest[ServerChange, Nothing]) -> ServerView:
    """Change a server's slots, weight, labels or credentials, or whether it gets jobs.

    What is absent stays. What is said here goes before what COMFYUI_URLS says of it. Fewer slots stop no job.
    """
    services, body = request.services, request.body
    given = body.given()
    if "credentials" in body.model_fields_set:
        given["credentials"] = await stored(request, body.credentials)
    return await services.run(server_changes.change, services.engine, body.server, given)


async def remove(request: ApiRequest[Nothing, ServerRemoval]) -> ServerView:
    """Remove a server that was added.

    It gets no more jobs. `when=drained` lets those that are there end; `when=now` moves them to other servers.
    """
    query = request.query
    return await request.services.run(server_changes.remove, request.services.engine, query.server, query.when)


async def stored(request: ApiRequest[Any, Any], credentials: Credentials | None) -> str | None:
    """Credentials as they are stored. Raises Refusal: invalid_fields."""
    if credentials is None:
        return None
    return await request.services.run(server_changes.sealed, request.services.vault, credentials.headers())


async def drain(request: ApiRequest[NamedServer, Nothing]) -> ServerView:
    """Give a server no more jobs.

    It finishes those it has. Asking twice is the same as asking once.
    """
    return await request.services.run(fleet_queries.drain, request.services.engine, request.body.server)


async def resume(request: ApiRequest[NamedServer, Nothing]) -> ServerView:
    """Give a server jobs again that was drained, wedged, unfit or open.

    Workers find out by themselves if it still does not work.
    """
    return await request.services.run(fleet_queries.resume, request.services.engine, request.body.server)


OPERATIONS = (
    Operation(
        "listServers",
        "GET",
        SERVERS,
        show_all,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(ServersView, "every server that a worker ever saw or that was added, by name")},
        tag="servers",
    ),
    Operation(
        "addServer",
        "POST",
        SERVERS,
        add,
        Scope.ADMIN,
        {HTTPStatus.CREATED: Answer(ServerView, "the server, which no worker may have seen yet")},
        tag="servers",
        body=NewServer,
        problems=(Code.SERVER_EXISTS,),
    ),
    Operation(
        "changeServer",
        "PATCH",
        SERVERS,
        change,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(ServerView, "the server as it is now")},
        tag="servers",
        body=ServerChange,
        problems=(Code.SERVER_NOT_FOUND,),
    ),
    Operation(
        "removeServer",
        "DELETE",
        SERVERS,
        remove,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(ServerView, "the server, as it is until no job is there")},
        tag="servers",
        query=ServerRemoval,
        problems=(Code.SERVER_NOT_FOUND, Code.SERVER_IN_SETTINGS),
    ),
    Operation(
        "drainServer",
        "POST",
        f"{SERVERS}/drain",
        drain,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(ServerView, "the server, which takes no more jobs")},
        tag="servers",
        body=NamedServer,
        problems=(Code.SERVER_NOT_FOUND,),
    ),
    Operation(
        "resumeServer",
        "POST",
        f"{SERVERS}/resume",
        resume,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(ServerView, "the server, which takes jobs again if nothing else keeps it from them")},
        tag="servers",
        body=NamedServer,
        problems=(Code.SERVER_NOT_FOUND,),
    ),
)
