"""A thread that looks at one server every few seconds, whatever goes wrong."""

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from worker_service.comfyui.client import ComfyUIClient
from worker_service.fleet.health import Fleet

log = structlog.get_logger(__name__)


class HealthProbe(threading.Thread):
    """Probes one server every few seconds until `closing` is set."""

    def __init__(self, fleet: Fleet, client: ComfyUIClient, closing: threading.Event) -> None:
        super().__init__(name=f"health-probe-{client.name}", daemon=True)
        self.fleet = fleet
        self.client = client
        self.closing = closing

    def run(self) -> None:
        while True:
            self.probe_safely()
            if self.closing.wait(self.fleet.timings.probe_every_s):
                return

    def probe_safely(self) -> None:
        """Whatever goes wrong, the next probe comes: a server that nobody looks at gets no jobs."""
        name = self.client.name
        try:
            self.fleet.probe(self.client)
        except SQLAlchemyError as error:
            log.warning("server.not_recorded", server=name, error=str(error))
        except Exception as error:
            if self.closing.is_set():  # the client was closed under a probe that took its time
                return
            log.exception("server.not_understood", server=name)
            self.tell(f"the probe did not understand it: {type(error).__name__}")

    def tell(self, problem: str) -> None:
        try:
            self.fleet.record_loss(self.client.name, problem)
        except SQLAlchemyError as error:
            log.warning("server.not_recorded", server=self.client.name, error=str(error))
