"""The size of a picture, and whether parts of it may be transparent, by its first bytes: nothing is decoded."""

import struct
from typing import NamedTuple

from api_service.doors.openai.asking.sizes import Size

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
PNG_PALETTE, PNG_WITH_ALPHA = 3, {4, 6}
# Of JPEG's frames: what is between them are tables.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALPHA_OF_VP8X = 0x10


class Measured(NamedTuple):
    size: Size
    has_alpha: bool


def measured(head: bytes) -> Measured | None:
    """What the first bytes of a PNG, JPEG or WEBP say of it; None where they do not."""
    try:
        found = of_png(head) or of_webp(head) or of_jpeg(head)
    except (struct.error, IndexError):
        return None
    return found if found and min(found.size) > 0 else None


def of_png(head: bytes) -> Measured | None:
    if not head.startswith(PNG):
        return None
    width, height, _depth, colour = struct.unpack_from(">IIBB", head, 16)
    return Measured(Size(width, height), colour in PNG_WITH_ALPHA or (colour == PNG_PALETTE and b"tRNS" in head))


def of_webp(head: bytes) -> Measured | None:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    match head[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(head[start : start + 3], "little") + 1 for start in (24, 27))
            return Measured(Size(width, height), bool(head[20] & ALPHA_OF_VP8X))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return Measured(Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1))
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return Measured(Size(width & 0x3FFF, height & 0x3FFF), has_alpha=False)
    return None


def of_jpeg(head: bytes) -> Measured | None:
    """By the first frame, if no long text is before it."""
    if not head.startswith(JPEG):
        return None
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        marker, (length,) = head[place + 1], struct.unpack_from(">H", head, place + 2)
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return Measured(Size(width, height), has_alpha=False)
        place += 2 + length
    return None
