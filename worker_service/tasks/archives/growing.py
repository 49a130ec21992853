"""An archive grows in the store page by page, with its directory and its manifest in files beside it until its end.

After each page the three are durable, and the row has their lengths. Whoever goes on cuts them to these.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, NamedTuple, Self

from shared.storage.pieces import looked_after
from shared.storage.store import Check, OutputStore
from worker_service.tasks.archives.zip_records import CHECKSUM_AT, Entry, central_record, end_records, local_header

MANIFEST = "manifest.jsonl"
LARGEST_UNSYNCED = 64 * 1024**2  # bytes of files that are whole: a store may keep these on the worker's own disk


class Lengths(NamedTuple):
    """How much of an archive is durable: bytes of each of its three files, and entries."""

    archive: int = 0
    directory: int = 0
    manifest: int = 0
    entries: int = 0

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> Self:
        return cls(*(cursor.get(name, 0) for name in cls._fields))


class NotAsSaid(Exception):
    """A file has other bytes than its row says."""


class GrowingArchive:
    """Open for one page within the block."""

    def __init__(self, store: OutputStore, folder: str, lengths: Lengths) -> None:
        self.entries, self.synced = lengths.entries, lengths.archive
        with ExitStack() as opened:
            self.archive = opened.enter_context(store.growing(f"{folder}/archive.zip", lengths.archive))
            self.directory = opened.enter_context(store.growing(f"{folder}/directory.part", lengths.directory))
            self.manifest = opened.enter_context(store.growing(f"{folder}/manifest.part", lengths.manifest))
            self.opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened.close()

    @property
    def lengths(self) -> Lengths:
        return Lengths(self.archive.size, self.directory.size, self.manifest.size, self.entries)

    def add(self, name: str, size: int, pieces: Iterable[bytes]) -> str:
        """Add a file of that size. Returns its SHA-256. Raises NotAsSaid, as the pieces may; then it is as if it had
        not been added."""
        at, checksum, digest, written = self.archive.size, 0, hashlib.sha256(), 0
        self.archive.write(local_header(name, size))
        try:
            for piece in pieces:
                written += len(piece)
                if written > size:
                    break
                checksum = zlib.crc32(piece, checksum)
                digest.update(piece)
                self.archive.write(piece)
        except NotAsSaid:
            written = -1
        if written != size:
            self.archive.cut(at)
            raise NotAsSaid
        self.archive.rewrite(at + CHECKSUM_AT, checksum.to_bytes(4, "little"))
        self.directory.write(central_record(Entry(name, size, checksum, at)))
        self.entries += 1
        if self.archive.size - self.synced > LARGEST_UNSYNCED:
            self.sync()
        return digest.hexdigest()

    def note(self, line: str) -> None:
        """Add a line to the manifest."""
        self.manifest.write(f"{line}\n".encode())

    def sync(self) -> None:
        for file in (self.archive, self.directory, self.manifest):
            file.sync()
        self.synced = self.archive.size


def finish(store: OutputStore, folder: str, lengths: Lengths, check: Check) -> str:
    """Put the manifest and the directory behind the files. Returns the key of the archive. Twice is the same."""
    with GrowingArchive(store, folder, lengths) as growing:
        growing.add(MANIFEST, lengths.manifest, looked_after(growing.manifest.pieces(), check))
        growing.directory.sync()
        directory_at, size = growing.archive.size, growing.directory.size
        for piece in looked_after(growing.directory.pieces(), check):
            growing.archive.write(piece)
        growing.archive.write(end_records(growing.entries, directory_at, size))
        growing.archive.finish(check)
    return f"{folder}/archive.zip"
