"""A file of a bucket is read in windows: nothing is open between two of them, and a file that changed is noticed."""

import io
from collections.abc import Iterator
from typing import Any

from shared.storage.bucket import PART, Bucket, Conflict, Window
from shared.storage.durable import CHUNK
from shared.texts.reasons import InWords

CHANGED = "the file was changed while it was read"
READ_AHEAD = 1024**2  # bytes


def pieces_of(bucket: Bucket, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes from `start`, in chunks. Raises FileNotFoundError or InWords at once."""
    if length == 0:
        bucket.head(key)
        return iter(())
    first = bucket.window(key, start, PART if length is None else min(length, PART))
    end = first.size if length is None else min(start + length, first.size)
    return chunks(bucket, key, first, start, end)


def chunks(bucket: Bucket, key: str, window: Window, at: int, end: int) -> Iterator[bytes]:
    while True:
        for begin in range(0, len(window.content), CHUNK):
            yield window.content[begin : begin + CHUNK]
        at += len(window.content)
        if at >= end:
            return
        try:
            window = bucket.window(key, at, min(PART, end - at), window.e_tag)
        except Conflict:
            raise InWords(CHANGED) from None
        if not window.content:
            raise InWords(CHANGED)


class ObjectReader(io.RawIOBase):
    """A file of a bucket, to be read anywhere. Raises FileNotFoundError or InWords at once."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.bucket, self.key, self.at = bucket, key, 0
        meta = bucket.head(key)
        self.length, self.e_tag = meta["size"], meta["e_tag"]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.length}[whence])
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: Any) -> int:
        if self.at >= self.length:
            return 0
        try:
            found = self.bucket.window(self.key, self.at, min(len(buffer), self.length - self.at), self.e_tag).content
        except Conflict:
            raise InWords(CHANGED) from None
        buffer[: len(found)] = found
        self.at += len(found)
        return len(found)
