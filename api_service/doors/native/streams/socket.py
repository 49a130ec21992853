"""`/ws`: a client of ComfyUI listens. Without a `clientId` it is given one, and hears how many prompts remain."""

import asyncio
import contextlib
import json
from typing import Any
from uuid import uuid4

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from api_service.accounts.identity import Identity
from api_service.doors.closings import TRY_AGAIN, Closing, close, closing_after
from api_service.doors.native.asking.callers import known_caller
from api_service.doors.native.streams import frames
from api_service.doors.native.streams.narration import Narration
from api_service.doors.native.views.features import features
from api_service.refusals.accounts import forbidden
from api_service.refusals.refusal import Refusal
from api_service.streams.watch import Holder
from shared.models import Scope

log = structlog.get_logger(__name__)

LONGEST_CLIENT_ID = 255
TOLD = Closing(1000, "")


async def listen(websocket: WebSocket[Any]) -> None:
    """Who may not listen is refused before the socket opens."""
    services = websocket.state.services
    try:
        websocket.state.identity = identity = await known_caller(websocket)
        await services.limits.begin(identity)
        if not identity.may(Scope.READ):
            raise forbidden(Scope.READ)
        client_id = client_id_in(websocket)
        async with services.limits.open_stream(identity):
            await websocket.accept()
            await serve(websocket, identity, client_id)
    except Refusal as refusal:
        await websocket.close(Closing.of(refusal).code)
    except SQLAlchemyError as error:
        log.warning("native.nobody_known", error=str(error))
        await websocket.close(TRY_AGAIN.code)


def client_id_in(websocket: WebSocket[Any]) -> str:
    given = websocket.query_params.get("clientId", "")
    return given if 0 < len(given) <= LONGEST_CLIENT_ID and given.isprintable() else uuid4().hex


async def serve(websocket: WebSocket[Any], identity: Identity, client_id: str) -> None:
    sending = anyio.Lock()

    async def send(frame: str | bytes) -> None:
        async with sending, asyncio.timeout(websocket.state.services.timings.send_timeout_s):
            await (websocket.send_text(frame) if isinstance(frame, str) else websocket.send_bytes(frame))

    narration = Narration(websocket.state.services, identity.user_id, client_id, send)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear_client, websocket, narration, tasks.cancel_scope)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await close(websocket, await closing_after(websocket, narrate(websocket, identity, narration)))
        tasks.cancel_scope.cancel()


async def narrate(websocket: WebSocket[Any], identity: Identity, narration: Narration) -> Closing:
    """Tell the client everything until there is no more to tell. Returns what to close with."""
    holder = Holder(identity.key_id) if identity.has_key else None
    async with websocket.state.services.relay.watch_user(identity.user_id, holder) as watch:
        watch.name = narration.client_id
        try:
            await narration.run(watch)
        finally:
            narration.leave(watch)
    return TOLD


async def hear_client(websocket: WebSocket[Any], narration: Narration, scope: anyio.CancelScope) -> None:
    """Answer the client's first word if it says what it understands; end all work for it once it has gone."""
    is_first = True
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        said = parsed(message.get("text"))
        if is_first and said is not None:
            is_first = False
            if said.get("type") == "feature_flags":
                flags = said.get("data")
                narration.with_metadata = isinstance(flags, dict) and flags.get("supports_preview_metadata") is True
                with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                    largest = websocket.state.services.settings.asset_max_bytes
                    await narration.send(frames.text("feature_flags", features(largest)))
    scope.cancel()


def parsed(text: Any) -> dict[str, Any] | None:
    """What a client says, if it is an object; None for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


ROUTES = [WebSocketRoute("/ws", listen), WebSocketRoute("/api/ws", listen)]
