"""The WebSocket says when to look into the history, and how far prompts are; only the history says how they ended."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from websockets.exceptions import InvalidHandshake, WebSocketException

from shared.configuration.server_urls import ServerUrl, server_url
from shared.fleet.credentials import NoToken, headers_for
from worker_service.comfyui.bounded_socket import CLOSE_S, BoundedConnection, opened, socket_address
from worker_service.comfyui.frames import Cached, Ended, NodeStates, Preview, read_frame
from worker_service.comfyui.socket_health import SocketHealth

log = structlog.get_logger(__name__)

LOOK_UP_S = 0.5
RECONNECT_S = (0.2, 0.5, 1, 2, 5)
STEADY_S = 5.0  # a connection that lived for less was of no use, and the next try waits longer
MOST_DOUBLINGS = 6
TOLD_AGAIN_S = 0.5  # a listener that was told looks once more by itself after as long
FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class Listener(Protocol):
    """Hears of one prompt. Neither method may wait: a socket that is not read holds up ComfyUI."""

    def look(self, *, in_a_moment: bool) -> None:
        """The prompt may have ended: the history says so now, or `in_a_moment`."""

    def receive(self, frame: Cached | NodeStates | Preview) -> None:
        """Take in how far the prompt is."""


@dataclass
class Ear:
    """Who listens to a prompt, from which connection on, and since when the prompt is known to run."""

    listener: Listener
    connection: int
    is_heard: bool = False
    runs_since: float | None = None
    told_at: float = -TOLD_AGAIN_S


class ProgressSocket:
    """Listens for all prompts that were sent under one client id, in a thread that always reads: a reader that stalls
    blocks all clients of the server. Another one opens the connection, and sees that it is closed.

    It opens for the first prompt, and stays open until `close`. A connection that breaks is opened again, after a
    failure only if anybody listens. It is closed before the next one opens: where two overlap, the second goes silent
    when the first one closes.
    """

    def __init__(
        self, url: str, client_id: str, health: SocketHealth | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.url = url if isinstance(url, ServerUrl) else server_url(url)
        self.address = socket_address(self.url.name, client_id=client_id)
        self.tls = tls
        self.health = health or SocketHealth(self.url.name)
        self.changed = threading.Condition()  # guards what follows
        self.ears: dict[str, Ear] = {}
        self.connections = 0
        self.connection: BoundedConnection | None = None
        self.heard_at = 0.0  # when the latest connection opened, or last brought a message of any kind
        self.dropped = 0  # messages of this connection that were said to be too large
        self.doubts = 0  # since anything was heard
        self.is_doubted = False
        self.is_closing = False
        self.connected = threading.Event()
        self.thread = threading.Thread(target=self.run, name=f"progress-{self.url.name}", daemon=True)

    @contextmanager
    def listening(self, prompt_id: str, listener: Listener) -> Iterator[None]:
        """While the block runs, the listener hears of the prompt, whenever the socket is open. It is told to look each
        time that one opens after this: what was said before is not repeated."""
        with self.changed:
            ear = self.ears[prompt_id] = Ear(listener, self.connections)
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                if self.ears.get(prompt_id) is ear:  # and not another attempt's
                    del self.ears[prompt_id]
            self.note_dropped(prompt_id)

    def open(self) -> None:
        """Have it opened, unless that was done before. Waits for nothing."""
        with self.changed:
            if not self.thread.ident and not self.is_closing:
                self.thread.start()

    def is_running(self, prompt_id: str, *, patience_s: float) -> None:
        """The server runs the prompt. A socket that has said nothing for so long is opened again: another one may have
        taken its place. The next doubt comes later where this changes nothing."""
        with self.changed:
            if (ear := self.ears.get(prompt_id)) is None:
                return
            ear.runs_since = ear.runs_since or time.monotonic()
            silent_s = time.monotonic() - max(ear.runs_since, self.heard_at)
            is_doubtful = silent_s > patience_s * 2 ** min(self.doubts, MOST_DOUBLINGS)
        if is_doubtful:
            self.doubt(prompt_id)

    def has_ended(self, prompt_id: str) -> None:
        """The prompt has ended. A socket that was open all the time and said nothing of it is opened again."""
        with self.changed:
            ear = self.ears.get(prompt_id)
            is_deaf = ear and not ear.is_heard and ear.connection == self.connections and self.connected.is_set()
        if is_deaf:
            self.doubt(prompt_id)

    def told(self, prompt_id: str) -> None:
        """Somebody else says that the prompt has ended. Told again and again, its listener looks now and then."""
        with self.changed:
            ear = self.ears.get(prompt_id)
            if ear is None or time.monotonic() - ear.told_at < TOLD_AGAIN_S:
                return
            ear.told_at = time.monotonic()
        ear.listener.look(in_a_moment=False)

    def doubt(self, prompt_id: str) -> None:
        log.info("progress.silent", server=self.url.name, comfyui_prompt_id=prompt_id)
        self.open()
        with self.changed:
            self.doubts += 1
            self.is_doubted = self.connected.is_set()

    def close(self) -> None:
        """Close the connection for good, and see that it is closed: the next worker may open one under its id."""
        self.tell_to_close()
        with self.changed:
            connection = self.connection
        if connection is not None:
            connection.close()
        if self.thread.ident:
            self.thread.join(CLOSE_S)

    def tell_to_close(self) -> None:
        """Have its own thread close it, and wait for nothing."""
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()

    def run(self) -> None:
        pause_s, failures, was_open = 0.0, 0, False
        while self.is_wanted(pause_s, though_nobody_listens=was_open):
            began_at = time.monotonic()
            try:
                self.connect_and_listen()
            except (InvalidHandshake, TimeoutError, NoToken) as error:
                self.health.failed(error)
            except (OSError, WebSocketException) as error:
                log.debug("progress.disconnected", error=str(error))
            except Exception:  # without this thread no later prompt would be heard of
                log.exception("progress.failed", server=self.url.name)
            was_open = self.connected.is_set()
            if was_open:
                self.end_connection()
            if time.monotonic() - began_at > STEADY_S:
                failures = 0
            pause_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]
            failures += 1

    def is_wanted(self, pause_s: float, *, though_nobody_listens: bool) -> bool:
        """Wait until it is time for the next try, and anybody listens. False once it is closing."""
        until = time.monotonic() + pause_s
        with self.changed:
            while not self.is_closing:
                left_s = max(until - time.monotonic(), self.health.pause_s())
                if left_s <= 0 and (self.ears or though_nobody_listens):
                    return True
                self.changed.wait(left_s if left_s > 0 else None)
        return False

    def connect_and_listen(self) -> None:
        with opened(self.address, headers_for(self.url), self.tls) as connection:
            assert isinstance(connection, BoundedConnection)
            connection.send(FLAGS)
            self.health.opened()
            self.begin_connection(connection)
            self.listen(connection)

    def begin_connection(self, connection: BoundedConnection) -> None:
        with self.changed:
            self.connection, self.dropped, self.is_doubted = connection, 0, False
            self.heard_at = time.monotonic()
            self.connections += 1
            self.connected.set()
        self.have_all_look()

    def end_connection(self) -> None:
        self.note_dropped(None)
        self.connected.clear()
        if not self.is_closing:
            self.have_all_look()

    def have_all_look(self) -> None:
        """What ComfyUI says while the socket is closed is not repeated: the history knows which prompts have ended."""
        with self.changed:
            ears = list(self.ears.values())
        for ear in ears:
            ear.listener.look(in_a_moment=False)

    def note_dropped(self, prompt_id: str | None) -> None:
        """Say how many messages were too large since this was last said."""
        with self.changed:
            dropped = self.connection.dropped if self.connection else 0
            news, self.dropped = dropped - self.dropped, dropped
        if news:
            most = BoundedConnection.most_bytes
            log.warning("progress.dropped", prompt_id=prompt_id, messages=news, larger_than_bytes=most)

    def listen(self, connection: BoundedConnection) -> None:
        """Hear until closed, or broken off. Silence is no reason to leave: a long node says nothing."""
        connection.hearer = self.hear
        while not (self.is_closing or self.is_doubted):
            with suppress(TimeoutError):
                self.hear(connection.recv(timeout=LOOK_UP_S))  # what came before there was a hearer

    def hear(self, message: str | bytes) -> None:
        self.heard_at = time.monotonic()
        found = read_frame(message, self.ears)
        if found is not None:
            self.tell(*found)

    def tell(self, prompt_id: str, frame: Cached | NodeStates | Preview | Ended) -> None:
        with self.changed:
            ear = self.ears.get(prompt_id)
            if ear is None:
                return
            ear.is_heard, self.doubts = True, 0
        match frame:
            case Ended(is_written):
                ear.listener.look(in_a_moment=not is_written)
            case _:
                ear.listener.receive(frame)
