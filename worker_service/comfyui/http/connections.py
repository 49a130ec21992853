"""Requests to one server over connections that stay open: a request costs a third of what it costs by httpx."""

import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from worker_service.comfyui.http.answer import Answer, answer_on
from worker_service.comfyui.http.deadline import Deadline
from worker_service.comfyui.http.failures import RequestFailed
from worker_service.comfyui.http.line import Line
from worker_service.comfyui.http.request import Request
from worker_service.comfyui.http.route import Route, line_to

MOST = 32
KEPT_FOR_S = 5.0  # the least that a server which closes idle connections is known to wait


class Connections:
    """To one server; safe to use from several threads. `tls` is what its certificate is held to, if it has one."""

    def __init__(self, route: Route, tls: ssl.SSLContext | None, deadline: Deadline) -> None:
        self.route = route
        self.tls = tls
        self.deadline = deadline
        self.free = threading.BoundedSemaphore(MOST)
        self.idle: deque[Line] = deque()  # the one that was used last is at the end
        self.lock = threading.Lock()
        self.is_closed = False

    @contextmanager
    def asked(self, request: Request) -> Iterator[Answer]:
        """The answer, whose body is yet to be read, within the `with` block. Nothing is sent twice, no redirect is
        followed and no cookie kept. Raises RequestFailed, and whatever the body raises."""
        if not self.free.acquire(timeout=self.deadline.shorten(request.silence_s)):
            raise RequestFailed(f"{MOST} requests to it are under way")
        try:
            line = self.taken(request.silence_s)
            is_usable = False
            try:
                is_taken = sent(line, request)
                answer = answer_on(line, request.method)
                yield answer
                is_usable = is_taken and answer.may_be_followed
            finally:
                self.give_back(line, is_usable)
        finally:
            self.free.release()

    def taken(self, silence_s: float) -> Line:
        while line := self.one_idle():
            if line.is_quiet():
                line.silence_s = silence_s
                return line
            line.close()
        return line_to(self.route, self.tls, self.deadline, silence_s)

    def one_idle(self) -> Line | None:
        with self.lock:
            self.close_old()
            return self.idle.pop() if self.idle else None

    def close_old(self) -> None:
        while self.idle and time.monotonic() - self.idle[0].idle_since > KEPT_FOR_S:
            self.idle.popleft().close()

    def give_back(self, line: Line, is_usable: bool) -> None:
        with self.lock:
            if is_usable and not self.is_closed:
                line.rest()
                self.idle.append(line)
            else:
                line.close()

    def close(self) -> None:
        """Those that are in use are closed by whoever uses them."""
        with self.lock:
            self.is_closed = True
            while self.idle:
                self.idle.pop().close()


def sent(line: Line, request: Request) -> bool:
    """Returns whether the server has taken all of it: one that refuses what comes may answer and hang up before."""
    return line.send(request.head) and all(line.send(piece) for piece in request.body)
