"""ComfyUI servers: see them all, have one take no more jobs, and take them again."""

from collections.abc import Callable
from http import HTTPStatus

from sqlalchemy import Engine
from sqlmodel import Session
from starlette.responses import Response

from api_service.fleet.fleet_queries import NamedServer, ServersView, ServerView, server_as_seen, servers_as_seen
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Call, Nothing, Operation
from api_service.refusals.codes import Code
from api_service.refusals.fleet import server_not_found
from shared.database.engine import transaction
from shared.fleet import servers
from shared.models import ComfyUIServer, Scope

SERVERS = "/api/v1/servers"


async def show_all(call: Call[Nothing, Nothing]) -> Response:
    """Show every ComfyUI server.

    What state each is in, its slots, version and models, and what failed there in the last ten minutes.
    """
    return answer_with(await call.services.run(servers_as_seen, call.services.engine))


async def drain(call: Call[NamedServer, Nothing]) -> Response:
    """Give a server no more jobs.

    It finishes those it has. Asking twice is the same as asking once.
    """
    return answer_with(await call.services.run(change, call.services.engine, call.body.server, servers.drain))


async def resume(call: Call[NamedServer, Nothing]) -> Response:
    """Give a server jobs again that was drained."""
    return answer_with(await call.services.run(change, call.services.engine, call.body.server, servers.resume))


def change(engine: Engine, name: str, deed: Callable[[Session, str], ComfyUIServer | None]) -> ServerView:
    """Raises Refusal 404."""
    with transaction(engine) as session:
        server = deed(session, name.rstrip("/"))
        if server is None:
            raise server_not_found(name)
        session.flush()
        return server_as_seen(session, server)


OPERATIONS = (
    Operation(
        "listServers",
        "GET",
        SERVERS,
        show_all,
        Scope.ADMIN,
        {HTTPStatus.OK: Answer(ServersView, "every server that a worker ever saw, by name")},
        tag="servers",
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
