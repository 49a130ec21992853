"""An EventSource as the HTML standard has it (section 9.2, Server-sent events), for tests without a browser."""

import codecs
import http.client
import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from tests.api_service.serving import PATIENCE_S

CONNECTING, OPEN, CLOSED = 0, 1, 2
JOIN_S = 10.0


@dataclass(frozen=True)
class MessageEvent:
    type: str
    data: str
    last_event_id: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Fields:
    """The buffers of the event that is being parsed."""

    data: list[str] = field(default_factory=list)
    type: str = ""


class EventSource:
    """Connects, reads, connects again after a break, and fails for good where the standard says so.

    Messages and what else is fired come from `next`: a MessageEvent, or the name "open" or "error". `requests` has the
    Last-Event-ID of each request (None: it had none).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.ready_state = CONNECTING
        self.reconnection_s = 2.0
        self.last_event_id = self.last_event_id_buffer = ""
        self.requests: list[str | None] = []
        self.fired: queue.Queue[MessageEvent | str] = queue.Queue()
        self.closing = threading.Event()
        self.connection: http.client.HTTPConnection | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.thread.join(JOIN_S)
        assert not self.thread.is_alive()

    def next(self) -> MessageEvent | str:
        return self.fired.get(timeout=PATIENCE_S)

    def message(self) -> MessageEvent:
        """The next message, whatever else is fired before it."""
        while isinstance(fired := self.next(), str):
            pass
        return fired

    def messages(self, *until: str) -> Iterator[MessageEvent]:
        """Messages up to the first of one of these types."""
        while True:
            message = self.message()
            yield message
            if message.type in until:
                return

    def wait_until_closed(self) -> None:
        """Return once it has given up for good. Messages that come before that are dropped."""
        while self.next() != "error" or self.ready_state != CLOSED:
            pass

    def close(self) -> None:
        self.ready_state = CLOSED
        self.closing.set()
        if self.connection and self.connection.sock:
            with suppress(OSError):
                self.connection.sock.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        url = urlsplit(self.url)
        while self.ready_state != CLOSED:
            self.connection = http.client.HTTPConnection(url.netloc, timeout=PATIENCE_S)
            try:
                self.connect(self.connection, f"{url.path}?{url.query}")
            except (OSError, http.client.HTTPException):
                self.reestablish()
            finally:
                self.connection.close()

    def connect(self, connection: http.client.HTTPConnection, target: str) -> None:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        self.requests.append(headers.get("Last-Event-ID"))
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        if response.status != 200 or response.headers.get_content_type() != "text/event-stream":
            return self.fail()
        self.ready_state = OPEN
        self.fired.put("open")
        self.read(response)
        return self.reestablish()

    def fail(self) -> None:
        self.ready_state = CLOSED
        self.fired.put("error")

    def reestablish(self) -> None:
        if self.ready_state == CLOSED:
            return
        self.ready_state = CONNECTING
        self.fired.put("error")
        self.closing.wait(self.reconnection_s)

    def read(self, response: http.client.HTTPResponse) -> None:
        """Parse the stream: an event that the stream ends within is dropped."""
        fields = Fields()
        for line in lines_of(response):
            if not line:
                self.dispatch(fields)
                fields = Fields()
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                self.process(fields, name, value.removeprefix(" "))

    def process(self, fields: Fields, name: str, value: str) -> None:
        match name:
            case "event":
                fields.type = value
            case "data":
                fields.data.append(value)
            case "id" if "\0" not in value:
                self.last_event_id_buffer = value
            case "retry" if value.isascii() and value.isdigit():
                self.reconnection_s = int(value) / 1000

    def dispatch(self, fields: Fields) -> None:
        self.last_event_id = self.last_event_id_buffer
        if fields.data and self.ready_state != CLOSED:
            self.fired.put(MessageEvent(fields.type or "message", "\n".join(fields.data), self.last_event_id))


def lines_of(response: http.client.HTTPResponse) -> Iterator[str]:
    """Whole lines, which end with CR LF, LF or CR; after a byte order mark at the start."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    text = ""
    while chunk := response.read1():
        text += decoder.decode(chunk)
        # A CR at the end may be half of a CR LF.
        whole = text[:-1] if text.endswith("\r") else text
        *lines, rest = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        text = rest + text[len(whole) :]
        yield from lines
