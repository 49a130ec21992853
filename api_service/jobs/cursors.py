"""A cursor is where a page ended, and which list it belongs to: it is good for the same list only.

It is no secret and gives no rights: the key decides whose jobs are listed. The checksum only shows that we made it.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar

from api_service.refusals.jobs import invalid_cursor
from shared.database.clock import EPOCH
from shared.jobs.listing.page_range import Position

VERSION = 1
CHECKED = 4  # bytes of the checksum

Id = TypeVar("Id")
Listed = TypeVar("Listed", bound=Any)  # a row or a model with `created_at` and `id`


class Cursors(Generic[Id]):
    """The cursors of lists of one kind of thing, whose ids are packed as `id_format` of `struct` has it."""

    def __init__(self, id_format: str, packed_id: Callable[[Id], Any], id_of: Callable[[Any], Id]) -> None:
        self.layout = struct.Struct(f">Bq{id_format}8s")  # version, microseconds since 1970, id, which list
        self.packed_id = packed_id
        self.id_of = id_of

    def at(self, position: Position[Id], list_digest: bytes) -> str:
        """The cursor of a position in the list of that digest (8 bytes). It needs no quoting in a URL."""
        microseconds = (position.created_at - EPOCH) // timedelta(microseconds=1)
        packed = self.layout.pack(VERSION, microseconds, self.packed_id(position.id), list_digest)
        return base64.urlsafe_b64encode(packed + checksum(packed)).decode().rstrip("=")

    def position_in(self, cursor: str, list_digest: bytes) -> Position[Id]:
        """The position that a cursor of ours holds. Raises Refusal: invalid_cursor."""
        try:
            whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            _version, microseconds, packed_id, belongs_to = self.layout.unpack(whole[: self.layout.size])
            position = Position(EPOCH + timedelta(microseconds=microseconds), self.id_of(packed_id))
        except (ValueError, binascii.Error, struct.error, OverflowError):
            raise invalid_cursor("it is not one that a page named") from None
        # Made anew it differs wherever its version, its checksum or its spelling is not ours.
        if self.at(position, belongs_to) != cursor:
            raise invalid_cursor("it is not one that a page named")
        if belongs_to != list_digest:
            raise invalid_cursor("it belongs to a list with other filters, order or owner")
        return position

    def after(self, cursor: str | None, list_digest: bytes) -> Position[Id] | None:
        """Where a page begins: behind that position; None for the first page. Raises Refusal: invalid_cursor."""
        return None if cursor is None else self.position_in(cursor, list_digest)

    def page(
        self,
        found: Sequence[Listed],
        limit: int,
        list_digest: bytes,
        position: Callable[[Listed], Position[Id]] = lambda one: Position(one.created_at, one.id),
    ) -> tuple[Sequence[Listed], str | None]:
        """Of one more than fit on a page those that do, and the cursor of the next page, if there is one."""
        shown = found[:limit]
        if len(found) <= limit:
            return shown, None
        return shown, self.at(position(shown[-1]), list_digest)


JOB_CURSORS = Cursors[int]("i", int, int)  # 34 characters


def checksum(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:CHECKED]


def digest_of(words: str) -> bytes:
    """Which list: whatever chooses what is on it and in which order, as text."""
    return hashlib.sha256(words.encode()).digest()[:8]
