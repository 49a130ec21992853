"""A cursor is where a page ended, and which list it belongs to: it is good for the same list only.

It is no secret and gives no rights: the key decides whose jobs are listed. The checksum only shows that we made it.
"""

import base64
import binascii
import hashlib
import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from api_service.refusals.jobs import invalid_cursor

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAYOUT = struct.Struct(">Bqi8s")  # version, microseconds since 1970, id, which list
VERSION = 1
CHECKED = 4  # bytes of the checksum


class Position(NamedTuple):
    """Where a page ended: the time and the number of its last job."""

    created_at: datetime
    job_id: int


def cursor_at(position: Position, list_digest: bytes) -> str:
    """The cursor of a position in the list of that digest (8 bytes): 34 characters that need no quoting in a URL."""
    microseconds = (position.created_at - EPOCH) // timedelta(microseconds=1)
    packed = LAYOUT.pack(VERSION, microseconds, position.job_id, list_digest)
    return base64.urlsafe_b64encode(packed + checksum(packed)).decode().rstrip("=")


def position_in(cursor: str, list_digest: bytes) -> Position:
    """The position that a cursor of ours holds. Raises Refusal: invalid_cursor."""
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        packed, check = whole[: LAYOUT.size], whole[LAYOUT.size :]
        version, microseconds, job_id, belongs_to = LAYOUT.unpack(packed)
        position = Position(EPOCH + timedelta(microseconds=microseconds), job_id)
    except (ValueError, binascii.Error, struct.error, OverflowError):
        raise invalid_cursor("it is not one that a page named") from None
    if version != VERSION or check != checksum(packed) or cursor_at(position, belongs_to) != cursor:
        raise invalid_cursor("it is not one that a page named")
    if belongs_to != list_digest:
        raise invalid_cursor("it belongs to a list with other filters, order or owner")
    return position


def checksum(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:CHECKED]


def digest_of(words: str) -> bytes:
    """Which list: whatever chooses its jobs and their order, as text."""
    return hashlib.sha256(words.encode()).digest()[:8]
