"""A file that grows in a folder: each turn begins where the last durable one ended, whatever was written after that."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.storage.durable import make_folders, sync_folder
from shared.storage.folder_reading import pieces_of
from shared.storage.store import BUSY, SHORTER, Check
from shared.texts.reasons import reason_of


class GrowingInFolder:
    """A GrowingFile at a path. What goes wrong is raised as `refuse` makes it of a reason."""

    def __init__(self, path: Path, root: Path, length: int, refuse: Callable[[str], Exception]) -> None:
        self.path, self.durable, self.refuse = path, length, refuse
        with self.reasons():
            make_folders(path.parent, root)
            self.file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        try:
            self.begin(path, length)
        except BaseException:
            self.file.close()
            raise

    def begin(self, path: Path, length: int) -> None:
        with self.reasons():
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it ends with the process
            except BlockingIOError:
                raise self.refuse(BUSY) from None
            if os.fstat(self.file.fileno()).st_size < length:
                raise self.refuse(SHORTER)
            self.cut(length)
            sync_folder(path.parent)

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
        with self.reasons():
            self.file.write(piece)

    def rewrite(self, at: int, piece: bytes) -> None:
        with self.reasons():
            end = self.file.tell()
            self.file.seek(at)
            self.file.write(piece)
            self.file.seek(end)

    def cut(self, length: int) -> None:
        with self.reasons():
            self.file.flush()
            self.file.truncate(length)
            self.file.seek(length)

    def sync(self) -> None:
        with self.reasons():
            self.file.flush()
            os.fsync(self.file.fileno())
            self.durable = self.file.tell()

    def pieces(self) -> Iterator[bytes]:
        return pieces_of(self.path, 0, self.durable)

    def finish(self, check: Check) -> None:  # noqa: ARG002
        self.sync()

    @contextmanager
    def reasons(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.refuse(reason_of(error)) from error
