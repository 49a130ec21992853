"""An archive that somebody gave us: nothing in it is believed, no name in it is a path, and nothing in it unfolds."""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from pydantic_core import from_json

from shared.workflows.json_limits import flaws
from worker_service.tasks.archives.growing import MANIFEST
from worker_service.tasks.turns.turn import TaskFailed

LARGEST_DIRECTORY = 256 * 1024**2  # bytes: it is in memory while jobs are imported
LONGEST_LINE = 16 * 1024**2
MOST_TAKEN = 2  # times its size: an asset that came with a damaged job is taken once more
DEEPEST = 250  # levels: more than the parser reads
LARGE = "number_too_large"  # of no matter here: metadata may have such
PIECE = 256 * 1024
LOCAL_SIZE, NAME_SIZES = 30, struct.Struct("<2H")
END_SIZE, LONGEST_COMMENT = 22, 65_535
LOCATOR_SIZE, END_64_SIZE = 20, 56


class Line(NamedTuple):
    """A line of the manifest, and where the next one begins."""

    text: bytes
    end: int


class GivenArchive:
    """Raises TaskFailed for what is no archive of ours. `taken` is how many bytes were stored of it so far."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.file_size, self.taken = file.seek(0, 2), 0
        refuse_huge_directory(file)
        try:
            found = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, ValueError, OSError, struct.error, UnicodeError, NotImplementedError) as error:
            raise damaged("it is no whole ZIP") from error
        # One that is to begin before the file does is where the directory says it is somewhere else than it is.
        self.entries = {info.filename: info for info in found if info.header_offset >= 0}
        if MANIFEST not in self.entries:
            raise damaged(f"it has no {MANIFEST}")

    def size(self, name: str) -> int | None:
        """How many bytes an entry has; None for one that is not there, or packed."""
        info = self.entries.get(name)
        is_stored = info is not None and info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
        return info.file_size if info and is_stored and info.compress_size == info.file_size else None

    def take(self, size: int) -> None:
        """Count bytes that were stored. An archive of ours has each file for one job, or for all that take an asset:
        one that names its files again and again would unfold. Raises TaskFailed."""
        self.taken += size
        if self.taken > MOST_TAKEN * self.file_size:
            raise damaged("its jobs have more bytes than it has")

    def pieces(self, name: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an entry, from there on; fewer than it should have if the archive is damaged."""
        size = self.size(name)
        if size is None:
            raise damaged(f"the entry {name[:200]!r} is missing or packed; archives are taken as they were made")
        at = self.entries[name].header_offset
        self.file.seek(at)
        header = self.file.read(LOCAL_SIZE)
        if len(header) < LOCAL_SIZE or not header.startswith(b"PK\3\4"):
            return
        at += LOCAL_SIZE + sum(NAME_SIZES.unpack(header[-4:])) + start
        left = size - start
        while left > 0:
            self.file.seek(at)  # others read, too
            piece = self.file.read(min(PIECE, left))
            if not piece:
                return
            at, left = at + len(piece), left - len(piece)
            yield piece

    def count_lines(self, check: Callable[[], None]) -> int:
        """How many lines the manifest has. Raises TaskFailed, unless its checksum is right."""
        lines = checksum = 0
        for piece in self.pieces(MANIFEST):
            check()
            lines += piece.count(b"\n")
            checksum = zlib.crc32(piece, checksum)
        if checksum != self.entries[MANIFEST].CRC:
            raise damaged("its manifest has another checksum than it should")
        return lines

    def lines(self, start: int) -> Iterator[Line]:
        """The lines of the manifest, from there on."""
        rest, end = b"", start
        for piece in self.pieces(MANIFEST, start):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                end += len(line) + 1
                yield Line(line, end)
            if len(rest) > LONGEST_LINE:
                raise damaged(f"a line of its manifest has more than {LONGEST_LINE} bytes")


def damaged(reason: str) -> TaskFailed:
    return TaskFailed("archive_damaged", f"the archive cannot be imported: {reason}")


def refuse_huge_directory(file: BinaryIO) -> None:
    """Raises TaskFailed before a directory is read that has no place in memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END_SIZE - LONGEST_COMMENT - LOCATOR_SIZE - END_64_SIZE))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END_SIZE:
        raise damaged("it is no whole ZIP")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if at >= LOCATOR_SIZE and tail[at - LOCATOR_SIZE :].startswith(b"PK\6\7"):
        file.seek(min(size, int.from_bytes(tail[at - LOCATOR_SIZE + 8 : at - LOCATOR_SIZE + 16], "little")))
        directory = max(
            directory if directory < 2**32 - 1 else 0, int.from_bytes(file.read(END_64_SIZE)[40:48], "little")
        )
    if directory > LARGEST_DIRECTORY:
        raise TaskFailed("archive_too_large", f"its directory has more than {LARGEST_DIRECTORY} bytes")
    file.seek(0)


def parsed(line: bytes) -> object:
    """A line as JSON that PostgreSQL can keep. Raises ValueError."""
    found: object = from_json(line, allow_inf_nan=False)  # no half of a surrogate pair, and no deeper than 200 levels
    if flaw := next((one for one in flaws(found, deepest=DEEPEST) if one.code != LARGE), None):
        raise ValueError(flaw.message)
    return found
