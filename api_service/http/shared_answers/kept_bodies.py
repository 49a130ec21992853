"""Answers that somebody asks for ten times a second are made once, as long as nothing in them changes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

MOST_BYTES = 64 * 1024 * 1024  # of all that are kept


class KeptBody(NamedTuple):
    """A body, and the version of what is in it."""

    version: Hashable
    content: bytes
    tag: str


class KeptBodies:
    """The latest bodies by name; of too many, the one that was asked for longest ago is forgotten. For one event
    loop."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.bodies: OrderedDict[Hashable, KeptBody] = OrderedDict()
        self.size = 0

    def find(self, name: Hashable, version: Hashable) -> KeptBody | None:
        """The body of that name, if it still is of this version."""
        found = self.bodies.get(name)
        if found is None or found.version != version:
            return None
        self.bodies.move_to_end(name)
        return found

    def keep(self, name: Hashable, body: KeptBody) -> None:
        self.drop(name)
        if len(body.content) > self.most_bytes / 4:
            return
        self.bodies[name] = body
        self.size += len(body.content)
        while self.size > self.most_bytes:
            self.drop(next(iter(self.bodies)))

    def drop(self, name: Hashable) -> None:
        if (found := self.bodies.pop(name, None)) is not None:
            self.size -= len(found.content)
