"""One connection to a server, which is asked once after the other on it: whatever waits there heeds the deadline."""

import io
import socket
import ssl
import time
from typing import Any

from worker_service.comfyui.http.deadline import Deadline
from worker_service.comfyui.http.failures import RequestFailed

BUFFER = 64 * 1024  # bytes
SENT_AT_ONCE = 256 * 1024
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
HUNG_UP = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Line:
    """For one thread at a time. `silence_s` is how long nothing may come or go."""

    def __init__(self, connected: socket.socket, deadline: Deadline, silence_s: float) -> None:
        self.socket = connected
        self.deadline = deadline
        self.silence_s = silence_s
        self.incoming = Incoming(self)
        self.reader = Reader(self.incoming, BUFFER)
        self.idle_since = 0.0

    def makefile(self, _mode: str) -> "Reader":
        """What http.client reads an answer from: the same for one answer after the other."""
        return self.reader

    def send(self, content: bytes) -> bool:
        """Returns whether the server has taken it, or has hung up. Raises RequestFailed."""
        view = memoryview(content)
        try:
            while view:
                self.socket.settimeout(self.deadline.shorten(self.silence_s))
                view = view[self.socket.send(view[:SENT_AT_ONCE]) :]
        except HUNG_UP:
            return False
        except TimeoutError as error:
            self.deadline.shorten(0)  # says so where it was the deadline that ended this
            raise RequestFailed(f"it takes nothing for {self.silence_s:g} s") from error
        except OSError as error:
            raise RequestFailed(f"the connection is gone: {error}") from error
        return True

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer: neither the end of the connection, nor what nobody asked."""
        self.incoming.waits = False
        try:
            return not self.reader.peek(1) and not self.incoming.has_ended
        except RequestFailed:
            return False
        finally:
            self.incoming.waits = True

    def rest(self) -> None:
        self.idle_since = time.monotonic()

    def close(self) -> None:
        self.socket.close()


class Reader(io.BufferedReader):
    """Stays open when http.client closes it behind an answer: the next one comes on it."""

    def close(self) -> None:
        pass


class Incoming(io.RawIOBase):
    """The bytes of a line as they come."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.waits = True
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        line = self.line
        line.socket.settimeout(line.deadline.shorten(line.silence_s) if self.waits else 0)
        try:
            came = line.socket.recv_into(buffer)
        except TimeoutError as error:
            line.deadline.shorten(0)
            raise RequestFailed(f"it says nothing for {line.silence_s:g} s") from error
        except NOT_NOW:
            return None
        except OSError as error:
            raise RequestFailed(f"the connection is gone: {error}") from error
        self.has_ended = came == 0
        return came
