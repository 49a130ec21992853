"""Outputs are kept under a key; once `put` has returned, the bytes survive a loss of power."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from shared.configuration.reasons import reason_of

CHUNK = 256 * 1024
LEAST_FREE = 16 * 1024 * 1024  # bytes, below which a disk counts as full


class NotStored(Exception):
    """The store refused to keep a file: under which `key`, and why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"could not store {key}: {reason}")
        self.key = key
        self.reason = reason


class OutputStore(Protocol):
    """Where outputs are kept: a folder today; an object store can do the same six things."""

    def put(self, files: Mapping[str, Path]) -> None:
        """Keep a copy of each file's bytes under its key, over what was there.

        Raises NotStored, which names the first of them; some may have been kept then.
        """

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, in chunks of at most 256 KiB. Raises FileNotFoundError at once if there are none."""

    def size(self, key: str) -> int:
        """In bytes. Raises FileNotFoundError."""

    def remove(self, folder: str) -> None:
        """Remove everything below a folder. Nothing there is fine."""

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
            for folder in (folders := {target.parent for target in targets}):
                make_folders(folder, self.root)
            for target, file in targets.items():
                copy(file, target)
            for folder in folders:
                sync_folder(folder)
        except OSError as error:
            raise NotStored(next(iter(files)), reason_of(error)) from error

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        file = self.path(key).open("rb")

        def chunks() -> Iterator[bytes]:
            with file:
                file.seek(start)
                left = length
                while left is None or left > 0:
                    chunk = file.read(CHUNK if left is None else min(CHUNK, left))
                    if not chunk:
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk

        return chunks()

    def size(self, key: str) -> int:
        return self.path(key).stat().st_size

    def remove(self, folder: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path(folder))

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


def make_folders(folder: Path, root: Path) -> None:
    """Make a folder and those above it, each durable in its parent."""
    if folder.is_dir():
        return
    if folder != root:
        make_folders(folder.parent, root)
    folder.mkdir(parents=folder == root, exist_ok=True)
    sync_folder(folder.parent)


def copy(file: Path, target: Path) -> None:
    """Put a durable copy in the target's place, at once and whole. Its name is durable once its folder is synced."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".incoming-", delete=False) as incoming:
        try:
            with file.open("rb") as source:
                shutil.copyfileobj(source, incoming, CHUNK)
            incoming.flush()
            os.fsync(incoming.fileno())
            Path(incoming.name).chmod(0o644)
            Path(incoming.name).replace(target)
        except BaseException:
            Path(incoming.name).unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """A name in a folder is durable once the folder itself is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
