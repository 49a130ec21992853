"""Where a page of assets ended: as the cursors of jobs, with an id that is a UUID."""

import base64
import binascii
import struct
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from api_service.jobs.cursors import EPOCH, checksum
from api_service.refusals.jobs import invalid_cursor

LAYOUT = struct.Struct(">Bq16s8s")  # version, microseconds since 1970, id, which list
VERSION = 1


class Position(NamedTuple):
    """Where a page ended: the time and the id of its last asset."""

    created_at: datetime
    asset_id: UUID


def cursor_at(position: Position, list_digest: bytes) -> str:
    """The cursor of a position in the list of that digest (8 bytes): 50 characters that need no quoting in a URL."""
    microseconds = (position.created_at - EPOCH) // timedelta(microseconds=1)
    packed = LAYOUT.pack(VERSION, microseconds, position.asset_id.bytes, list_digest)
    return base64.urlsafe_b64encode(packed + checksum(packed)).decode().rstrip("=")


def position_in(cursor: str, list_digest: bytes) -> Position:
    """The position that a cursor of ours holds. Raises Refusal: invalid_cursor."""
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, microseconds, asset_id, belongs_to = LAYOUT.unpack(whole[: LAYOUT.size])
        position = Position(EPOCH + timedelta(microseconds=microseconds), UUID(bytes=asset_id))
    except (ValueError, binascii.Error, struct.error, OverflowError):
        raise invalid_cursor("it is not one that a page named") from None
    if version != VERSION or cursor_at(position, belongs_to) != cursor:
        raise invalid_cursor("it is not one that a page named")
    if belongs_to != list_digest:
        raise invalid_cursor("it belongs to a list with other filters, order or owner")
    return position
