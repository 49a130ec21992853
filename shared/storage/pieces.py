"""The bytes of a file go by in pieces: into another file, to their digest, for as long as somebody wants."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from shared.storage.store import Check, IncomingFile


class Digest(NamedTuple):
    """Which bytes they are: their SHA-256, and how many."""

    sha256: bytes
    size: int


def digest_of(pieces: Iterable[bytes]) -> Digest:
    sha256, size = hashlib.sha256(), 0
    for piece in pieces:
        sha256.update(piece)
        size += len(piece)
    return Digest(sha256.digest(), size)


def looked_after(pieces: Iterable[bytes], check: Check) -> Iterator[bytes]:
    """The pieces, with a look up before each whether to go on."""
    for piece in pieces:
        check()
        yield piece


@contextmanager
def kept(file: IncomingFile) -> Iterator[IncomingFile]:
    """What is written to it within the block is kept at the end, and dropped where that breaks off. Raises NotStored;
    AlreadyStored."""
    try:
        yield file
        file.keep()
    finally:
        file.drop()


def pour(pieces: Iterable[bytes], file: IncomingFile) -> None:
    """Keep a file of these pieces. Raises NotStored; AlreadyStored."""
    with kept(file):
        for piece in pieces:
            file.write(piece)
