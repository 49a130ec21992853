"""Outputs are kept under a key; once `put` has returned, the bytes survive a loss of power."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from shared.files.durable import CHUNK, copy_all, make_folders, sync_folder
from shared.files.growing import GrowingFile
from shared.texts.reasons import reason_of

LEAST_FREE = 16 * 1024 * 1024  # bytes, below which a disk counts as full


class NotStored(Exception):
    """The store refused to keep a file: under which `key`, and why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"could not store {key}: {reason}")
        self.key = key
        self.reason = reason


class StoredEntry(NamedTuple):
    """A file that is there: its key, its size, and when it was last written, in seconds since 1970."""

    key: str
    size_bytes: int
    written_s: float


class IncomingFile(Protocol):
    """A file that arrives piece by piece. It has its key once it is kept, and leaves nothing if it is dropped."""

    def write(self, piece: bytes) -> None:
        """Raises NotStored."""

    def keep(self) -> None:
        """Put it under its key, durable and whole. Raises NotStored."""

    def drop(self) -> None:
        """Forget what was written, unless it was kept."""


class OutputStore(Protocol):
    """Where outputs are kept: a folder today; an object store can do the same twelve things."""

    def put(self, files: Mapping[str, Path]) -> None:
        """Keep a copy of each file's bytes under its key, over what was there.

        Raises NotStored, which names the first of them; some may have been kept then.
        """

    def incoming(self, key: str) -> IncomingFile:
        """A file to be written piece by piece, for a key under which nothing is. Raises NotStored."""

    def link(self, key: str, as_key: str) -> None:
        """Keep what is under a key under another one too, without a copy of its bytes where that can be.

        Each of the two can be removed without the other. Raises FileNotFoundError, NotStored.
        """

    def growing(self, key: str, length: int) -> GrowingFile:
        """The file under a key, to be written on after its first `length` bytes. Raises NotStored."""

    def open(self, key: str) -> BinaryIO:
        """The file under a key, to be read anywhere. Raises FileNotFoundError."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, in chunks of at most 256 KiB. Raises FileNotFoundError at once if there are none."""

    def size(self, key: str) -> int:
        """In bytes. Raises FileNotFoundError."""

    def remove(self, folder: str) -> None:
        """Remove a file, or everything below a folder. Nothing there is fine."""

    def folders(self, folder: str = "") -> list[str]:
        """The names of the folders in a folder, sorted; none where there is no such folder."""

    def files(self, folder: str) -> Iterator[StoredEntry]:
        """All files below a folder, those under way too; none where there is no such folder."""

    def unreadable(self) -> str | None:
        """Why nothing can be read at all, in the system's words; None where files can be."""

    def check(self) -> None:
        """See whether a small file could be kept now. Raises NotStored."""


def open_store(url: str) -> OutputStore:
    """The store of a STORAGE_URL."""
    return FolderStore(Path(unquote(urlsplit(url).path)))


class FolderStore:
    """An OutputStore in a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, files: Mapping[str, Path]) -> None:
        targets = {self.path(key): file for key, file in files.items()}
        try:
            copy_all(targets, self.root)
        except OSError as error:
            raise NotStored(next(iter(files)), reason_of(error)) from error

    def incoming(self, key: str) -> IncomingFile:
        return IncomingInFolder(self, key)

    def link(self, key: str, as_key: str) -> None:
        file, target = self.path(key), self.path(as_key)
        try:
            make_folders(target.parent, self.root)
            try:
                target.hardlink_to(file)
            except FileNotFoundError:
                raise
            except OSError:  # this disk has no second names, or no more of them
                copy_all({target: file}, self.root)
            else:
                sync_folder(target.parent)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise NotStored(as_key, reason_of(error)) from error

    def growing(self, key: str, length: int) -> GrowingFile:
        return GrowingFile(self.path(key), self.root, length, lambda reason: NotStored(key, reason))

    def open(self, key: str) -> BinaryIO:
        return self.path(key).open("rb")

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        def chunks() -> Iterator[bytes]:
            with self.path(key).open("rb") as file:
                yield b""
                file.seek(start)
                left = length
                while left is None or left > 0:
                    chunk = file.read(CHUNK if left is None else min(CHUNK, left))
                    if not chunk:
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk

        found = chunks()
        next(found)  # it is open now, and closed with the iterator, also if nobody reads on
        return found

    def size(self, key: str) -> int:
        return self.path(key).stat().st_size

    def remove(self, folder: str) -> None:
        path = self.path(folder)
        with contextlib.suppress(FileNotFoundError):
            (Path.unlink if path.is_file() else shutil.rmtree)(path)

    def folders(self, folder: str = "") -> list[str]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.below(folder)) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return []

    def files(self, folder: str) -> Iterator[StoredEntry]:
        for above, _, names in os.walk(self.below(folder)):
            for name in names:
                path = Path(above, name)
                with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
                    status = path.lstat()
                    yield StoredEntry(path.relative_to(self.root).as_posix(), status.st_size, status.st_mtime)

    def below(self, folder: str) -> Path:
        return self.path(folder) if folder else self.root

    def unreadable(self) -> str | None:
        try:
            with os.scandir(self.root):
                return None
        except OSError as error:
            return reason_of(error)

    def check(self) -> None:
        check_folder(self.root)

    def path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or PurePosixPath(key).is_absolute() or ".." in parts or "\0" in key:
            raise ValueError(f"not a key of this store: {key!r}")
        return self.root.joinpath(*parts)


class IncomingInFolder:
    """An IncomingFile of a FolderStore: beside its place and under another name until it is kept."""

    def __init__(self, store: FolderStore, key: str) -> None:
        self.key = key
        self.target = store.path(key)
        with self.reasons():
            make_folders(self.target.parent, store.root)
            self.file = tempfile.NamedTemporaryFile(dir=self.target.parent, prefix=".incoming-", delete=False)  # noqa: SIM115

    def write(self, piece: bytes) -> None:
        with self.reasons():
            self.file.write(piece)

    def keep(self) -> None:
        with self.reasons():
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            Path(self.file.name).chmod(0o644)
            Path(self.file.name).replace(self.target)
            sync_folder(self.target.parent)

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self.file.close()  # it may have something left that the disk has no place for
        with contextlib.suppress(OSError):
            Path(self.file.name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def reasons(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotStored(self.key, reason_of(error)) from error


def check_folder(folder: Path) -> None:
    """Write a file without a name into a folder, or into the one it would be made in. Raises NotStored."""
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise NotStored("a file", reason_of(error)) from error
    if free < LEAST_FREE:
        raise NotStored("a file", os.strerror(errno.ENOSPC))
