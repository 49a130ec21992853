"""How much room the store has, measured where outputs are written."""

import shutil
from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge

from shared.files.store import FolderStore, OutputStore


class FreeSpace:
    """Called every so often by the storage watch, whose thread may hang with a file system over the network.

    It keeps nobody from storing anything: what is wrong with the store, the store's own check says.
    """

    def __init__(self, registry: CollectorRegistry, store: OutputStore) -> None:
        self.store = store
        self.free = Gauge(
            "genonaut_storage_free_bytes", "room in the folder of outputs, the same for all workers", registry=registry
        )

    def __call__(self) -> None:
        if isinstance(self.store, FolderStore):
            with suppress(OSError):
                # The folder is made by whoever first stores something.
                folder = next(one for one in (self.store.root, *self.store.root.parents) if one.exists())
                self.free.set(shutil.disk_usage(folder).free)
