"""The files that this process knows to be on a server: each is put there once, and asked for once. And what each asset
is called there, which is read once."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from worker_service.comfyui.inputs.uploads import InputFile

MOST_NAMES = 10_000  # each has some 200 bytes


class KnownInputs:
    """Of one server. Safe to use from several threads: while one puts a file there, the others wait for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.names: OrderedDict[str, None] = OrderedDict()
        self.coming: dict[str, threading.Event] = {}

    def begin(self, name: str) -> threading.Event | None:
        """None if this thread is to see to the file, and then to call `end`; or else what is set once another has."""
        with self.lock:
            if name in self.coming:
                return self.coming[name]
            self.coming[name] = threading.Event()
            return None

    def end(self, name: str) -> None:
        with self.lock:
            self.coming.pop(name).set()

    def has(self, name: str) -> bool:
        with self.lock:
            return name in self.names

    def add(self, name: str) -> None:
        with self.lock:
            self.names[name] = None
            if len(self.names) > MOST_NAMES:
                self.names.popitem(last=False)

    def forget(self, name: str) -> None:
        with self.lock:
            self.names.pop(name, None)

    def forget_all(self) -> None:
        """The server may have been restarted, with another disk."""
        with self.lock:
            self.names.clear()


class KnownFiles:
    """The files that assets are on any server, by the assets' ids: what an asset is never changes. Safe to use from
    several threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.files: OrderedDict[str, InputFile] = OrderedDict()

    def of(self, asset_ids: Iterable[str]) -> dict[str, InputFile]:
        """Those of them that are known."""
        with self.lock:
            return {one: self.files[one] for one in asset_ids if one in self.files}

    def add(self, asset_id: str, file: InputFile) -> None:
        with self.lock:
            self.files[asset_id] = file
            if len(self.files) > MOST_NAMES:
                self.files.popitem(last=False)
