"""Whether a server lets its socket be opened: found out once, remembered, and tried again now and then."""

import threading
import time

import structlog
from websockets.exceptions import InvalidStatus

log = structlog.get_logger(__name__)

TRY_AGAIN_S = 60.0
SERVER_ERROR = 500
CREDENTIALS = (401, 403)


class SocketHealth:
    """What this process knows of the socket of one server. `problem` is why it does not open, in words.

    Without it jobs lose their progress and nothing else: their ends are found in the history.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()
        self.problem: str | None = None
        self.is_known = False
        self.try_at = 0.0

    def opened(self) -> None:
        with self.lock:
            was, self.problem, self.is_known, self.try_at = self.problem, None, True, 0.0
        if was:
            log.info("socket.opens_again", server=self.name)

    def failed(self, error: Exception) -> None:
        """The server was reached, and opened no socket. A server error, or silence, may pass at once; any other answer
        is what a proxy says that knows no WebSockets."""
        status = error.response.status_code if isinstance(error, InvalidStatus) else None
        is_lasting = status is not None and status < SERVER_ERROR
        if status in CREDENTIALS:
            problem = f"its WebSocket asks for other credentials ({status})"
        elif status is not None:
            problem = f"its WebSocket does not open: HTTP {status}, where a proxy should pass on the upgrade"
        else:
            problem = f"its WebSocket does not open: {type(error).__name__}"
        problem += "; jobs run without progress, and their ends are polled"
        with self.lock:
            is_news = self.problem is None
            self.problem, self.is_known = problem, True
            self.try_at = time.monotonic() + TRY_AGAIN_S if is_lasting else 0.0
        if is_news:
            log.warning("socket.does_not_open", server=self.name, problem=problem)

    def pause_s(self) -> float:
        """How long to wait before the next try."""
        return max(self.try_at - time.monotonic(), 0.0)
