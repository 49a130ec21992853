"""A file that grows over many turns: each begins where the last durable one ended, whatever was written after that."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.files.durable import make_folders, sync_folder
from shared.texts.reasons import reason_of

BUSY = "another worker is writing it"
SHORTER = "it is shorter than it was"


class GrowingFile:
    """The file at a path, cut to `length` bytes and open at its end, for one writer at a time.

    Nothing is durable before `sync`. What goes wrong is raised as `refuse` makes it of a reason.
    """

    def __init__(self, path: Path, root: Path, length: int, refuse: Callable[[str], Exception]) -> None:
        self.refuse = refuse
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
        """Put a piece over what is there, and go on at the end."""
        with self.reasons():
            end = self.file.tell()
            self.file.seek(at)
            self.file.write(piece)
            self.file.seek(end)

    def cut(self, length: int) -> None:
        """Forget what comes after so many bytes."""
        with self.reasons():
            self.file.flush()
            self.file.truncate(length)
            self.file.seek(length)

    def sync(self) -> None:
        """From now on what was written survives a loss of power."""
        with self.reasons():
            self.file.flush()
            os.fsync(self.file.fileno())

    @contextmanager
    def reasons(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.refuse(reason_of(error)) from error
