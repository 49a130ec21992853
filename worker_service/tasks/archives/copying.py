"""An entry of an archive goes to the store, if it is what the manifest says."""

import hashlib
from typing import NamedTuple

from shared.files.content_hash import ContentHash
from shared.storage.pieces import kept, looked_after
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
    """Put an entry into the store. Raises WrongFile; TaskFailed, where the archive has had its share."""
    if archive.size(said.name) != said.size:
        raise WrongFile
    found, written = said.hashing(), 0
    with kept(turn.resources.store.incoming(key)) as file:
        for piece in looked_after(archive.pieces(said.name), turn.check):
            found.add(piece)
            written += len(piece)
            file.write(piece)
        if written != said.size or str(found) != said.hash:
            raise WrongFile
    archive.take(said.size)
