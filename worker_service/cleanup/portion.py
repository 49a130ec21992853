"""A clean-up goes on in portions: what is found in one look, removed in one short transaction, and rested from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine

from shared.accounts.retention import Kept, Usual
from shared.messaging.messenger import Messenger
from shared.storage.store import OutputStore


@dataclass(frozen=True)
class Tools:
    """What clean-ups work with. `usual` is how long what is kept, and `orphans` how old a file may be that no row
    names; None for ever. `sized` has all finds say how many bytes they are about: for a dry run, as it costs time."""

    messenger: Messenger
    store: OutputStore
    usual: Usual
    orphans: timedelta | None
    sized: bool = False

    @property
    def engine(self) -> Engine:
        return self.messenger.engine


class Portion(NamedTuple):
    """Some of what is to go. `place` is where a look goes on that is broken off after this one."""

    items: Sequence[Any]
    size_bytes: int = 0
    oldest: datetime | None = None
    place: str | None = None


class Removed(NamedTuple):
    """How many have gone, and how many bytes with them."""

    number: int = 0
    size_bytes: int = 0

    def and_(self, other: "Removed") -> "Removed":
        return Removed(self.number + other.number, self.size_bytes + other.size_bytes)


Find = Callable[[Tools, str | None], Iterator[Portion]]
Remove = Callable[[Tools, Portion], Removed]


class CleanUp(NamedTuple):
    """Something to clean up every so often, `what` in the words of the command. It does no harm done once more.

    `find` looks for what is to go, from a place on; `remove` looks again, and removes what still may go. Without
    `remove` it is only told of. `kept` says whose retention decides.
    """

    name: str
    what: str
    every: timedelta
    find: Find
    remove: Remove | None = None
    kept: Kept | None = None
