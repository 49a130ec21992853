"""While files move from one store to another, both are one store: what is new is kept in the later one only."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import BinaryIO, NamedTuple, TypeVar

from shared.storage.pieces import Digest, digest_of, kept, looked_after, pour
from shared.storage.store import (
    SHORTER,
    AlreadyStored,
    Check,
    Content,
    GrowingFile,
    IncomingFile,
    NotStored,
    OutputStore,
    StoredEntry,
    has,
)

Found = TypeVar("Found")

OTHER_BYTES = "the copy has other bytes than the file"


class MovingStore:
    """An OutputStore over two. What is not in `later` is looked for in `former`."""

    def __init__(self, former: OutputStore, later: OutputStore) -> None:
        self.former = former
        self.later = later

    def put(self, files: Mapping[str, Content]) -> None:
        self.later.put(files)

    def incoming(self, key: str) -> IncomingFile:
        return self.later.incoming(key)

    def link(self, key: str, as_key: str) -> None:
        try:
            self.later.link(key, as_key)
        except FileNotFoundError:
            pour(self.read(key), self.later.incoming(as_key))

    def growing(self, key: str, length: int) -> GrowingFile:
        try:
            return self.later.growing(key, length)
        except NotStored as error:
            if error.reason != SHORTER:
                raise
        with self.former.growing(key, length) as begun, self.later.growing(key, 0) as file:
            for piece in begun.pieces():
                file.write(piece)
            file.sync()
        return self.later.growing(key, length)

    def open(self, key: str) -> BinaryIO:
        return self.first(lambda store: store.open(key))

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        return self.first(lambda store: store.read(key, start, length))

    def size(self, key: str) -> int:
        return self.first(lambda store: store.size(key))

    def first(self, look: Callable[[OutputStore], Found]) -> Found:
        # The later one again: meanwhile it may have been copied, and removed from the former one.
        for store in (self.later, self.former):
            try:
                return look(store)
            except FileNotFoundError:
                continue
        return look(self.later)

    def signed_url(self, key: str) -> str | None:
        url = self.later.signed_url(key)
        return url if url is None or has(self.later, key) else self.former.signed_url(key)

    def remove(self, folder: str) -> None:
        self.former.remove(folder)  # first: see `move`
        self.later.remove(folder)

    def folders(self, folder: str = "") -> list[str]:
        return sorted({*self.former.folders(folder), *self.later.folders(folder)})

    def files(self, folder: str = "", after: str = "") -> Iterator[StoredEntry]:
        by_key = attrgetter("key")
        both = merge(self.later.files(folder, after), self.former.files(folder, after), key=by_key)
        return (next(same) for _, same in groupby(both, by_key))

    def unreadable(self) -> str | None:
        if reason := self.former.unreadable():
            return f"the store that files move from: {reason}"
        return self.later.unreadable()

    def check(self) -> None:
        self.later.check()

    def free_bytes(self) -> int | None:
        return self.later.free_bytes()


class Moved(StrEnum):
    """What came of a file."""

    COPIED = "copied"
    THERE_ALREADY = "there_already"
    OTHER_THERE = "other_there"  # it was written again since, and that one stays
    GONE = "gone"  # somebody has removed it meanwhile


class Outcome(NamedTuple):
    what: Moved
    size_bytes: int = 0


def move(store: MovingStore, key: str, check: Check) -> Outcome:
    """Copy a file to the later store, and compare the two byte by byte. The former one stays. Twice is the same.

    Raises NotStored, OSError, and what `check` does.
    """
    try:
        pieces = looked_after(store.former.read(key), check)
        if has(store.later, key):
            what, found = Moved.THERE_ALREADY, digest_of(pieces)
        else:
            what, found = Moved.COPIED, carry(pieces, store.later.incoming(key))
    except FileNotFoundError:
        return Outcome(Moved.GONE)
    except AlreadyStored:  # it has come meanwhile
        what, found = Moved.THERE_ALREADY, digest_of(looked_after(store.former.read(key), check))
    if digest_of(looked_after(store.later.read(key), check)) != found:
        if what is Moved.THERE_ALREADY:
            return Outcome(Moved.OTHER_THERE)
        store.later.remove(key)
        raise NotStored(key, OTHER_BYTES)
    # Whoever removes it does so in the former store first: either it is seen here, or the copy is removed there.
    if not has(store.former, key):
        store.later.remove(key)
        return Outcome(Moved.GONE)
    return Outcome(what, found.size)


def remove_former(store: MovingStore, entry: StoredEntry) -> bool:
    """Remove a file that was moved from the former store, if the later one has one of its size. Says whether it did."""
    try:
        is_there = store.later.size(entry.key) == entry.size_bytes
    except FileNotFoundError:
        return False
    if is_there:
        store.former.remove(entry.key)
    return is_there


def carry(pieces: Iterable[bytes], file: IncomingFile) -> Digest:
    """Keep a file of these pieces. Returns what they are. Raises NotStored; AlreadyStored."""
    with kept(file):
        return digest_of(written(pieces, file))


def written(pieces: Iterable[bytes], file: IncomingFile) -> Iterator[bytes]:
    for piece in pieces:
        file.write(piece)
        yield piece
