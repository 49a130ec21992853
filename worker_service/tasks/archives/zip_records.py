"""The records of a ZIP file (APPNOTE 6.3.9) whose entries are stored as they are, of any size: ZIP64."""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
END = struct.Struct("<4s4H2LH")
CHECKSUM_AT = 14  # in a local header

NEEDS, MADE_BY = 45, 45 | 3 << 8  # ZIP64; on Unix
UTF_8, STORED = 0x800, 0
TIME, DATE = 0, 1 << 5 | 1  # 1980-01-01: what an entry holds does not depend on when
MODE = 0o100644 << 16
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF


class Entry(NamedTuple):
    """A file in an archive: its name, size and checksum, and where its local header is."""

    name: str
    size: int
    checksum: int
    at: int


def extra_of(*numbers: int) -> bytes:
    """The extra field that holds numbers which do not fit elsewhere."""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""


def local_header(name: str, size: int) -> bytes:
    """What comes before the bytes of an entry. Its checksum is 0 until it is written over."""
    encoded, large = name.encode(), size >= FULL_32
    extra = extra_of(size, size) if large else b""
    shown = FULL_32 if large else size
    fixed = (b"PK\3\4", NEEDS, UTF_8, STORED, TIME, DATE, 0, shown, shown, len(encoded), len(extra))
    return LOCAL.pack(*fixed) + encoded + extra


def central_record(entry: Entry) -> bytes:
    """What the directory says of an entry."""
    name = entry.name.encode()
    large = [number for number in (entry.size, entry.size, entry.at) if number >= FULL_32]
    extra = extra_of(*large)
    size, at = min(entry.size, FULL_32), min(entry.at, FULL_32)
    facts = (b"PK\1\2", MADE_BY, NEEDS, UTF_8, STORED, TIME, DATE, entry.checksum, size, size, len(name), len(extra))
    return CENTRAL.pack(*facts, 0, 0, 0, MODE, at) + name + extra


def end_records(entries: int, directory_at: int, directory_size: int) -> bytes:
    """What comes after the directory."""
    end_at = directory_at + directory_size
    places = (entries, entries, directory_size, directory_at)
    end_64 = END_64.pack(b"PK\6\6", END_64.size - 12, MADE_BY, NEEDS, 0, 0, *places)
    locator = LOCATOR.pack(b"PK\6\7", 0, end_at, 1)
    count = min(entries, FULL_16)
    end = END.pack(b"PK\5\6", 0, 0, count, count, min(directory_size, FULL_32), min(directory_at, FULL_32), 0)
    return end_64 + locator + end


def names_in(directory: Iterable[bytes]) -> Iterator[str]:
    """The names of the entries in a directory of ours that comes in pieces."""
    rest = b""
    for piece in directory:
        rest, at = rest + piece, 0
        while len(rest) - at >= CENTRAL.size:
            name_size, extra_size = CENTRAL.unpack_from(rest, at)[10:12]
            name_at = at + CENTRAL.size
            if len(rest) < (end := name_at + name_size + extra_size):
                break
            yield rest[name_at : name_at + name_size].decode()
            at = end
        rest = rest[at:]
