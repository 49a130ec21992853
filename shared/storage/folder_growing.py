"""A file that grows in a folder: each turn begins where the last durable one ended, whatever was written after that."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.storage.durable import make_folders, sync_folder
from shared.storage.folder_reading import pieces_of
from shared.storage.store import BUSY, SHORTER, Check, NotStored, not_stored


class GrowingInFolder:
    """A GrowingFile for a path below `root`."""

    def __init__(self, key: str, path: Path, root: Path, length: int) -> None:
        self.key, self.path, self.durable = key, path, length
        with not_stored(self.key):
            make_folders(path.parent, root)
            self.file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        try:
            self.begin()
        except BaseException:
            self.file.close()
            raise

    def begin(self) -> None:
        with not_stored(self.key):
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it ends with the process
            except BlockingIOError:
                raise NotStored(self.key, BUSY) from None
            if os.fstat(self.file.fileno()).st_size < self.durable:
                raise NotStored(self.key, SHORTER)
            self.cut(self.durable)
            sync_folder(self.path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.file.close()
        except OSError:
            if kind is None:
                raise

    @property
    def size(self) -> int:
        return self.file.tell()

    def write(self, piece: bytes) -> None:
        with not_stored(self.key):
            self.file.write(piece)

    def rewrite(self, at: int, piece: bytes) -> None:
        with not_stored(self.key):
            end = self.file.tell()
            self.file.seek(at)
            self.file.write(piece)
            self.file.seek(end)

    def cut(self, length: int) -> None:
        with not_stored(self.key):
            self.file.flush()
            self.file.truncate(length)
            self.file.seek(length)

    def sync(self) -> None:
        with not_stored(self.key):
            self.file.flush()
            os.fsync(self.file.fileno())
            self.durable = self.file.tell()

    def pieces(self) -> Iterator[bytes]:
        return pieces_of(self.path, 0, self.durable)

    def finish(self, check: Check) -> None:  # noqa: ARG002
        self.sync()
