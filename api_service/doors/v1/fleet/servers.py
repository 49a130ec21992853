"""ComfyUI servers: see them all, have one take no more jobs, and take them again."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.fleet import fleet_queries
from api_service.fleet.fleet_queries import NamedServer, ServersView, ServerView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.refusals.codes import Code
from shared.models import Scope

SERVERS = "/api/v1/servers"


async def show_all(request: ApiRequest[Nothing, Nothing]) -> ServersView:
    """Show every ComfyUI server.

    What state each is in, its slots, version and models, and what failed there in the last ten minutes.
    """
    return await request.services.run(fleet_queries.servers_as_seen, request.services.engine)


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
