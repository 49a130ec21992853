"""An entry of an archive goes to the store, if it is what the manifest says."""

import hashlib
from typing import NamedTuple

from shared.files.content_hash import ContentHash
from shared.storage.store import IncomingFile
from worker_service.tasks.archives.reading import GivenArchive
from worker_service.tasks.turns.turn import Turn


class WrongFile(Exception):
    """A file of the archive is missing, or is not what the manifest says."""


class Sha256:
    """SHA-256, as the manifest says it of outputs."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self.hash.update(piece)

    def __str__(self) -> str:
        return self.hash.hexdigest()


class Said(NamedTuple):
    """What the manifest says of an entry: its name, its size, and its hash of that kind."""

    name: str
    size: int
    hash: str
    hashing: type[Sha256] | type[ContentHash] = Sha256


def copy(turn: Turn, archive: GivenArchive, said: Said, key: str) -> None:
    """Put an entry into the store. Raises WrongFile."""
    if archive.size(said.name) != said.size:
        raise WrongFile
    file: IncomingFile = turn.resources.store.incoming(key)
    found, written = said.hashing(), 0
    is_right = False
    try:
        for piece in archive.pieces(said.name):
            turn.check()
            found.add(piece)
            written += len(piece)
            file.write(piece)
        is_right = written == said.size and str(found) == said.hash
        if is_right:
            file.keep()
    finally:
        file.drop()  # nothing, once it is kept
    if not is_right:
        raise WrongFile
