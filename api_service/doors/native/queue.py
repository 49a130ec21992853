"""The queue as one client sees it: its own prompts that have not ended, and taking them back."""

import json
from typing import Any
from uuid import UUID

from starlette.responses import Response

from api_service.doors.native.asking.errors import output_nodes
from api_service.doors.native.asking.names import ids_in, text_or_none
from api_service.doors.native.asking.operations import AnyBody, AnyQuery, NativeRequest, operation
from api_service.doors.native.views.prompts import extra_data_of
from api_service.prompts.prompt_queries import is_running, queue_rows
from api_service.prompts.withdrawing import delete_waiting, interrupt
from shared.models import Scope

WITH_GRAPH = 200  # prompts that are shown with their graphs


class QueueBody(AnyBody):
    delete: Any = None
    clear: bool = False
    client_id: Any = None


class InterruptBody(AnyBody):
    prompt_id: Any = None
    client_id: Any = None


class ClientQuery(AnyQuery):
    clientId: str | None = None  # noqa: N815  # the wire's own name


async def show_queue(request: NativeRequest) -> Response:
    """The caller's prompts that have not ended: those that run, and those that wait."""
    services = request.services
    content = await services.run(queue_of, services, request.identity.user_id)
    return Response(content, media_type="application/json")


def queue_of(services: Any, user_id: UUID) -> bytes:
    """The prompts that run and those that wait, as one text: of many graphs, that takes a while. Blocks."""
    rows, graphs = queue_rows(services.engine, user_id, WITH_GRAPH)
    capabilities = services.capabilities.current()
    found: dict[bool, list[str]] = {True: [], False: []}
    for row in rows:
        asked = graphs.get(row.id)
        graph = asked.workflow or {} if asked else {}
        extra = extra_data_of(row.client_id, row.created_at, asked)
        entry = [row.id, str(row.prompt_id), graph, extra, output_nodes(graph, capabilities)]
        found[is_running(row)].append(json.dumps(entry))
    return f'{{"queue_running": [{", ".join(found[True])}], "queue_pending": [{", ".join(found[False])}]}}'.encode()


async def change_queue(request: NativeRequest) -> Response:
    """Take back prompts that wait: these, or all of the caller's, of one client if it is named."""
    services, body, user_id = request.services, request.body, request.identity.user_id
    if body.clear:
        await services.run(delete_waiting, services.messenger, user_id, None, text_or_none(body.client_id))
    if ids := ids_in(body.delete):
        await services.run(delete_waiting, services.messenger, user_id, ids)
    return Response()


async def interrupt_prompts(request: NativeRequest) -> Response:
    """End prompts of the caller that run: this one, or all, of the client that asks as far as it is known."""
    services, body, user_id = request.services, request.body, request.identity.user_id
    if body.prompt_id is not None:
        ids = ids_in([body.prompt_id])
        if ids:
            await services.run(interrupt, services.messenger, user_id, ids)
        return Response()
    client = text_or_none(body.client_id) or request.query.clientId
    listening = services.relay.watchers.names_of(user_id)
    # Who listens alone is the one who asks. Of several, nobody knows which: then all are meant.
    clients = [client] if client else list(listening) if len(listening) == 1 else []
    await services.run(interrupt, services.messenger, user_id, None, clients)
    return Response()


OPERATIONS = (
    operation("GET", "/queue", show_queue, Scope.READ),
    operation("POST", "/queue", change_queue, Scope.WRITE, body=QueueBody),
    operation("POST", "/interrupt", interrupt_prompts, Scope.WRITE, body=InterruptBody, query=ClientQuery),
)
