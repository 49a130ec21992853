"""One queue of messages, one sender: whoever stops reading holds up everybody, as on the real server.

A socket is known by its clientId alone. When a second one comes with the same id it takes the first one's place, and
when the first one ends, the place is emptied: the second stays open and hears nothing more.
"""

import asyncio
import contextlib
import json
import struct
import uuid
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from aiohttp import WSMsgType, web

from deploy.simulator.faults.fault_book import FaultBook
from deploy.simulator.nodes.interface import Preview
from deploy.simulator.protocol.versions import Spoken

IMAGE_TYPES = {"JPEG": 1, "PNG": 2}


class Frame(IntEnum):
    """The binary messages, by the number they begin with."""

    PREVIEW = 1
    PREVIEW_WITH_METADATA = 4


class Sockets:
    """The open sockets, and what is to be sent to them."""

    def __init__(self, faults: FaultBook, spoken: Spoken, remaining: Callable[[], int]) -> None:
        self._faults = faults
        self._spoken = spoken
        self._remaining = remaining
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[tuple[str | bytes, Any]] = asyncio.Queue()
        self._open: dict[str, web.WebSocketResponse] = {}
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._features: dict[str, dict[str, Any]] = {}
        # Whose prompt runs, and the node it is at: set by the worker, told to that client when it reconnects.
        self.client_id: Any = None
        self.last_node_id: str | None = None

    def send(self, event: str, data: dict[str, Any], client_id: Any = None) -> None:
        """Queue a JSON message for one client, or for all; from any thread."""
        self._queue(json.dumps({"type": event, "data": data}), client_id)

    def send_preview(self, preview: Preview, client_id: Any = None) -> None:
        head = struct.pack(">II", Frame.PREVIEW, IMAGE_TYPES[preview.kind])
        self._queue(head + preview.encoded, client_id)

    def send_preview_with_metadata(self, preview: Preview, metadata: dict[str, Any], client_id: Any) -> None:
        text = json.dumps({**metadata, "image_type": f"image/{preview.kind.lower()}"}).encode()
        self._queue(struct.pack(">II", Frame.PREVIEW_WITH_METADATA, len(text)) + text + preview.encoded, client_id)

    def send_bytes(self, frame: bytes, client_id: Any) -> None:
        """Whatever a node makes of the bytes, head and all."""
        self._queue(frame, client_id)

    def announce_queue(self) -> None:
        self.send("status", {"status": self._status()})

    def wants_metadata(self, client_id: Any) -> bool:
        """Whether that client asked for previews that say which node they come from."""
        known = self._features.get(client_id, {}) if isinstance(client_id, str) else {}
        return known.get("supports_preview_metadata") is True

    async def send_for_ever(self) -> None:
        """Send what is queued, one message after the other. An unhashable client id ends this, and the server."""
        while True:
            message, client_id = await self._messages.get()
            if self._faults.standing("freeze_sockets"):
                continue
            if client_id is None:
                for socket in list(self._open.values()):
                    await self._deliver(socket, message)
            elif client_id in self._open:
                await self._deliver(self._open[client_id], message)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /ws and stay until the client goes."""
        if self._faults.standing("drop_sockets"):
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        client_id = request.rel_url.query.get("clientId", "") or uuid.uuid4().hex
        self._open[client_id] = socket
        self._features[client_id] = {}
        if isinstance(request.transport, asyncio.Transport):
            self._transports[socket] = request.transport
        try:
            await self._greet(socket, client_id)
            await self._listen(socket, client_id)
        finally:
            self._open.pop(client_id, None)
            self._features.pop(client_id, None)
            self._transports.pop(socket, None)
        return socket

    @property
    def open_ids(self) -> list[str]:
        """The client ids under which somebody can be reached."""
        return list(self._open)

    def drop_all(self) -> None:
        """Cut every connection without a closing handshake."""
        for transport in list(self._transports.values()):
            transport.abort()

    async def forget_everybody(self) -> None:
        """Cut every connection, and drop what was still to be sent."""
        self.drop_all()
        self._open.clear()
        await asyncio.sleep(0)  # Let what other threads have sent arrive.
        while not self._messages.empty():
            self._messages.get_nowait()

    async def _greet(self, socket: web.WebSocketResponse, client_id: str) -> None:
        if self._faults.standing("freeze_sockets"):
            return
        await socket.send_json({"type": "status", "data": {"status": self._status(), "sid": client_id}})
        if self.client_id == client_id and self.last_node_id is not None:
            await socket.send_json({"type": "executing", "data": {"node": self.last_node_id}})

    async def _listen(self, socket: web.WebSocketResponse, client_id: str) -> None:
        """Only the first well-formed message counts, and only if it states the client's features."""
        first = True
        async for message in socket:
            if message.type is WSMsgType.PING and not self._faults.standing("freeze_sockets"):
                await socket.pong(message.data)
            if message.type is not WSMsgType.TEXT or not first:
                continue
            try:
                body = json.loads(message.data)
            except json.JSONDecodeError:
                continue
            if not isinstance(body, dict):
                continue
            first = False
            if body.get("type") == "feature_flags":
                self._features[client_id] = body.get("data", {})
                await socket.send_json({"type": "feature_flags", "data": dict(self._spoken.protocol.features)})

    def _status(self) -> dict[str, Any]:
        return {"exec_info": {"queue_remaining": self._remaining()}}

    def _queue(self, message: str | bytes, client_id: Any) -> None:
        self._loop.call_soon_threadsafe(self._messages.put_nowait, (message, client_id))

    async def _deliver(self, socket: web.WebSocketResponse, message: str | bytes) -> None:
        with contextlib.suppress(ConnectionError):  # The client went away; its own handler clears up.
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
