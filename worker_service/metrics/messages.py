"""Dramatiq's own middleware counts messages; what it counts is shown with all else that this process shows."""

from collections.abc import Callable

from dramatiq import Broker, Worker
from dramatiq.middleware.prometheus import Prometheus
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase


class MessageMetrics(Prometheus):
    """Dramatiq would merge several processes through files, and show them from one more on a port of its own. This
    worker is one process, and has a port already."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self.registry = registry

    @property
    def forks(self) -> list[Callable[[], int]]:
        return []

    def after_process_boot(self, broker: Broker) -> None:
        super().after_process_boot(broker)  # type: ignore[no-untyped-call]
        for counted in vars(self).values():
            if isinstance(counted, MetricWrapperBase):
                self.registry.register(counted)

    def after_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        """There are no files to clean."""
