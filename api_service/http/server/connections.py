"""What one connection may cost before anybody knows who it is: time for a head, a body and an idle wait, and a place.

uvicorn bounds none of it but the idle wait after an answer. Where all places are taken, the connection that has waited
longest without asking for anything gives way to a new one.
"""

import asyncio
import json
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import h11
import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api_service.http.server.peers import PeerNoted
from api_service.http.server.transport.one_write import OneWrite

log = structlog.get_logger(__name__)

MOST_FILES = 65_536  # file descriptors that a process asks the system for
MORE_TIME = "genonaut.body_time"  # an extension of the ASGI scope: a function of seconds
OTHER_FILES = 96  # that are no connections of clients: the database's, Redis's, files that are sent, logs


class Places(NamedTuple):
    """How many connections may be open, and how many may be accepted at a time."""

    connections: int
    at_once: int


@dataclass(frozen=True)
class Bounds:
    """How long a client may take, in seconds. Tests pass tenths of them."""

    head_s: float = 10.0  # from the first byte of a request, or from the connection, to the end of its head
    body_s: float = 60.0  # from there to the end of its body
    pause_s: float = 15.0  # without a byte of a body that is awaited; a steady one may have longer
    idle_s: float = 5.0  # after an answer, until the next request begins
    stalled_s: float = 60.0  # in which a client that is sent something must take some of it
    linger_s: float = 10.0  # after the last answer, until what is left of it was taken


class Doorway:
    """The connections of one process that are asking for nothing now, in the order in which they began to wait."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.waiting: dict[GuardedHTTP, None] = {}

    def make_room(self, connections: int) -> bool:
        """Close the connection that has waited longest if there are too many. False if none waits."""
        if connections <= self.places.connections:
            return True
        longest = next(iter(self.waiting), None)
        if longest is None:
            return False
        longest.leave()
        return True


@dataclass(frozen=True)
class Guard:
    bounds: Bounds = field(default_factory=Bounds)
    doorway: Doorway = field(default_factory=lambda: Doorway(places_for(allowed_files())))


class GuardedConfig(uvicorn.Config):
    """uvicorn's settings, with the guard of its connections."""

    def __init__(self, app: Callable[[], Any], guard: Guard, **options: Any) -> None:
        super().__init__(
            app,
            http=GuardedHTTP,
            timeout_keep_alive=guard.bounds.idle_s,  # type: ignore[arg-type]  # it takes fractions too
            backlog=guard.doorway.places.at_once,
            **options,
        )
        self.guard = guard

    def load(self) -> None:
        super().load()
        self.loaded_app = PeerNoted(self.loaded_app)


class GuardedHTTP(H11Protocol):
    """uvicorn's HTTP/1.1, which waits for nothing without a bound."""

    config: GuardedConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        stands_for_it: Any = OneWrite(transport, self.loop, lambda: self.conn.their_state is h11.SEND_BODY)
        super().connection_made(stands_for_it)
        self.is_handed_over = False  # to a WebSocket, which has bounds of its own
        self.guard = self.config.guard
        self.timers: dict[str, asyncio.TimerHandle] = {}
        if not self.guard.doorway.make_room(len(self.connections)):
            log.warning("connection.refused", connections=len(self.connections))
            return self.turn_away(503, "service_unavailable", "too many connections are open; try again soon")
        self.guard.doorway.waiting[self] = None
        self.arm("head", self.guard.bounds.head_s, self.head_is_late)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.doorway.waiting.pop(self, None)
        for name in tuple(self.timers):
            self.disarm(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.disarm("pause")
        super().data_received(data)
        self.look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.guard.doorway.waiting.pop(self, None)
        for name in tuple(self.timers):
            self.disarm(name)
        self.is_handed_over = True
        self.transport = self.transport.transport  # type: ignore[attr-defined]  # of a WebSocket nothing is kept back
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.arm("stalled", self.guard.bounds.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.disarm("stalled")

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.linger()

    def look(self) -> None:
        """See what is being waited for now, and bound it."""
        if self.is_handed_over:
            return None
        if self.transport.is_closing():
            return self.linger()
        if self.is_busy:
            self.guard.doorway.waiting.pop(self, None)
            self.disarm("head")
        elif self not in self.guard.doorway.waiting:
            self.guard.doorway.waiting[self] = None
        if self.conn.their_state is h11.SEND_BODY:  # also of one that was answered already
            if "body" not in self.timers:
                # Who takes files in may give a caller it knows more time, before it reads the body.
                scope: Any = self.scope
                scope.setdefault("extensions", {})[MORE_TIME] = self.wait_for_body
            self.arm("body", self.guard.bounds.body_s, self.body_is_late)
            self.arm("pause", self.guard.bounds.pause_s, self.body_has_paused)
        else:
            self.disarm("body")
            self.disarm("pause")
            if not self.is_busy and self.timeout_keep_alive_task is None:
                self.arm("head", self.guard.bounds.head_s, self.head_is_late)
        return None

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def head_is_late(self) -> None:
        if self.conn.trailing_data[0]:  # a part of a head
            self.turn_away(408, "request_timeout", "the request did not arrive in time")
        else:
            self.leave()

    def body_has_paused(self) -> None:
        """Nothing came for a while: of a client that may send, or because nobody reads, or has asked for it yet."""
        self.disarm("pause")
        if self.flow.read_paused or self.conn.they_are_waiting_for_100_continue:
            self.arm("pause", self.guard.bounds.pause_s, self.body_has_paused)
        else:
            self.body_is_late(f"nothing more of the request's body came for {self.guard.bounds.pause_s:g} seconds")

    def body_is_late(self, detail: str = "the request's body did not arrive in time") -> None:
        cycle: Any = self.cycle
        if cycle is not None and cycle.response_started:  # and perhaps complete: one request has one answer
            self.leave()
        else:
            self.turn_away(408, "request_timeout", detail)

    def turn_away(self, status: int, code: str, detail: str) -> None:
        """Answer without asking the application, and close."""
        title = {408: "Request Timeout", 503: "Service Unavailable"}[status]
        problem = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.leave()

    def leave(self) -> None:
        """Close, and wait no longer than is allowed for what is still to be sent. An application that waits for the
        rest of a body is told that the client has gone."""
        self.guard.doorway.waiting.pop(self, None)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
        self.linger()

    def wait_for_body(self, seconds: float) -> None:
        """Wait so much longer, from now on, for the rest of the body; for no time if it has come."""
        if "body" in self.timers:
            self.disarm("body")
            self.arm("body", seconds, self.body_is_late)

    def linger(self) -> None:
        self.arm("linger", self.guard.bounds.linger_s, self.transport.abort)

    def arm(self, name: str, seconds: float, late: Callable[[], None]) -> None:
        """Call this unless it is disarmed before; what is armed already stays as it is."""
        if name not in self.timers:
            self.timers[name] = self.loop.call_later(seconds, late)

    def disarm(self, name: str) -> None:
        if (timer := self.timers.pop(name, None)) is not None:
            timer.cancel()


def allowed_files() -> int:
    """How many files this process may have open; as many as the system lets it, up to a bound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    wanted = MOST_FILES if unlimited else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return min(soft, MOST_FILES) if soft != resource.RLIM_INFINITY else MOST_FILES


def places_for(files: int) -> Places:
    """Places for connections such that files are left for everything else, whatever is accepted at a time."""
    at_once = max(8, min(512, files // 8))
    return Places(connections=max(16, files - OTHER_FILES - at_once), at_once=at_once)
