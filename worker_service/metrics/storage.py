"""Whether the store takes outputs, and how much room it has, measured where they are written."""

from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge

from shared.storage.store import OutputStore


def show_whether_away(registry: CollectorRegistry, problem: Callable[[], str | None]) -> None:
    """From now on, show whether there is a problem with storing."""
    away = Gauge("genonaut_storage_away", "1 while this worker cannot store outputs", registry=registry)
    away.set_function(lambda: float(problem() is not None))


class FreeSpace:
    """Called every so often by the storage watch, whose thread may hang with a file system over the network.

    It keeps nobody from storing anything: what is wrong with the store, the store's own check says.
    """

    def __init__(self, registry: CollectorRegistry, store: OutputStore) -> None:
        self.registry = registry
        self.store = store
        self.free: Gauge | None = None  # of a bucket nobody can tell: then nothing is shown, and no alert fires

    def __call__(self) -> None:
        with suppress(OSError):
            if (free := self.store.free_bytes()) is not None:
                self.free = self.free or self.gauge()
                self.free.set(free)

    def gauge(self) -> Gauge:
        meaning = "room in the folder of outputs, the same for all workers"
        return Gauge("genonaut_storage_free_bytes", meaning, registry=self.registry)
