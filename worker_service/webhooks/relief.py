"""A helper for each thread that waits long for a receiver: no other delivery waits until that one gives up."""

import threading
from collections.abc import Callable

import structlog

from worker_service.webhooks.paces import Paces

log = structlog.get_logger(__name__)

LOOKED_EVERY_S = 1.0
MOST_HELPERS = 18


class Relief(threading.Thread):
    """Starts the helpers. One of them ends once nothing is due, or fewer threads wait long than there are helpers."""

    def __init__(
        self,
        paces: Paces,
        closing: threading.Event,
        deliver: Callable[[Callable[[], bool]], None],
        every_s: float = LOOKED_EVERY_S,
    ) -> None:
        """`deliver` delivers what is due while what it is given says so."""
        super().__init__(name="webhooks-relief", daemon=True)
        self.paces = paces
        self.closing = closing
        self.deliver = deliver
        self.every_s = every_s

    def run(self) -> None:
        while not self.closing.wait(self.every_s):
            try:
                self.look()
            except RuntimeError as error:  # the system has no room for a thread more
                log.warning("deliveries.no_helper", error=str(error))

    def look(self) -> None:
        """Start the helpers that are missing."""
        for _ in range(min(self.paces.missing_helpers(), MOST_HELPERS - self.paces.helpers)):
            threading.Thread(target=self.help, name="webhooks-helper", daemon=True).start()

    def help(self) -> None:
        with self.paces.helping():
            self.deliver(lambda: self.paces.missing_helpers() >= 0)
