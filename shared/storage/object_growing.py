"""A file that grows in a bucket is kept in segments, each whole and durable, until it is finished.

A segment is named by where it begins. Those that follow one another from the start are the file; what a worker that
broke off has left behind them is written over. What is not durable yet is in a file without a name on this machine.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shared.storage.bucket import Bucket
from shared.storage.durable import CHUNK
from shared.storage.keys import SEGMENTS
from shared.storage.object_reading import pieces_of
from shared.storage.pieces import looked_after, pour
from shared.storage.store import BUSY, SHORTER, AlreadyStored, Check, NotStored, not_stored
from shared.storage.uploads import Upload

if TYPE_CHECKING:
    from obstore import PutMode

DIGITS = 20
OWN_DISK = "the worker's own disk: "


class GrowingObject:
    """A GrowingFile under a key of a bucket. `lengths` are those of the segments that are the file, by their begin."""

    def __init__(self, bucket: Bucket, key: str, length: int) -> None:
        self.bucket, self.key, self.durable, self.size = bucket, key, length, length
        with not_stored(key):
            found = {int(one["path"][-DIGITS:]): one for one in bucket.below(f"{key}{SEGMENTS}")}
            self.left_over = {begin: one["e_tag"] for begin, one in found.items()}
            self.lengths = self.begin({begin: one["size"] for begin, one in found.items()})
        with not_stored(key, OWN_DISK):
            self.scratch = tempfile.TemporaryFile()  # noqa: SIM115

    def begin(self, sizes: Mapping[int, int]) -> dict[int, int]:
        """Find what is durable: in segments, or in the file that was finished before. Raises NotStored."""
        lengths, end = dict[int, int](), 0
        while end < self.durable and sizes.get(end):
            lengths[end] = min(sizes[end], self.durable - end)
            end += sizes[end]
        if end > self.durable:
            begin = max(lengths)
            self.store(begin, pieces_of(self.bucket, self.segment(begin), 0, lengths[begin]))
        if end >= self.durable:
            return lengths
        try:
            is_shorter = self.bucket.head(self.key)["size"] < self.durable
        except FileNotFoundError:
            is_shorter = True
        if is_shorter:
            raise NotStored(self.key, SHORTER)
        self.store(0, pieces_of(self.bucket, self.key, 0, self.durable))
        return {0: self.durable}

    def segment(self, begin: int) -> str:
        return f"{self.key}{SEGMENTS}/{begin:0{DIGITS}}"

    def store(self, begin: int, pieces: Iterable[bytes]) -> None:
        """Store a segment, over what was left there. Raises NotStored, where another worker has stored one since."""
        e_tag = self.left_over.pop(begin, None)
        mode: PutMode = {"e_tag": e_tag} if e_tag else "create"
        try:
            pour(pieces, Upload(self.bucket, self.segment(begin), mode))
        except AlreadyStored:
            raise NotStored(self.key, BUSY) from None
        except NotStored as error:
            raise NotStored(self.key, error.reason) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.scratch.close()  # it may have something left that the disk has no place for

    def write(self, piece: bytes) -> None:
        with not_stored(self.key, OWN_DISK):
            self.scratch.write(piece)
        self.size += len(piece)

    def rewrite(self, at: int, piece: bytes) -> None:
        with not_stored(self.key, OWN_DISK):
            self.scratch.seek(at - self.durable)
            self.scratch.write(piece)
            self.scratch.seek(self.size - self.durable)

    def cut(self, length: int) -> None:
        with not_stored(self.key, OWN_DISK):
            self.scratch.seek(length - self.durable)
            self.scratch.truncate()
        self.size = length

    def sync(self) -> None:
        if self.size == self.durable:
            return
        with not_stored(self.key, OWN_DISK):
            self.scratch.seek(0)
            self.store(self.durable, iter(lambda: self.scratch.read(CHUNK), b""))
            self.lengths[self.durable] = self.size - self.durable
            self.durable = self.size
            self.scratch.seek(0)
            self.scratch.truncate()

    def pieces(self) -> Iterator[bytes]:
        for begin, length in sorted(self.lengths.items()):
            yield from pieces_of(self.bucket, self.segment(begin), 0, length)

    def finish(self, check: Check) -> None:
        """Copy the segments into one file; then nobody needs them."""
        self.sync()
        with not_stored(self.key):
            pour(looked_after(self.pieces(), check), Upload(self.bucket, self.key, "overwrite"))
            keys = [one["path"] for one in self.bucket.below(f"{self.key}{SEGMENTS}")]
            if keys:
                self.bucket.delete(keys)
