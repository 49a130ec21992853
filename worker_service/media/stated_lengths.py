"""How many bytes a file says that it has, by its own header: one that is shorter was cut off.

Only what cannot mean anything else counts. Who writes to a pipe does not know the length, and writes 0 or the largest
number there is; a reader takes the file as far as it goes then, and so is it taken here.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

UNKNOWN = 0x7FFF_0000  # and more, of 32 bits: what writers to a pipe put there
UNKNOWN_LONG = 2**63 - 1
MOST_PARTS = 1_000_000  # in more of them the end is not looked for
LARGEST_HEADER, MOST_HEADER = 8 << 20, 100_000_000  # of safetensors: to be read, and to be one
END_OF_ZIP = b"PK\5\6"
MOST_COMMENT = 65_535 + 22  # bytes from there to the end of a ZIP
WHOLE = 0


class Part(NamedTuple):
    """A piece of a file that names its kind and its length: where its content begins, and how long it says to be."""

    kind: bytes
    begin: int
    length: int


def bytes_missing(file: Path, suffix: str) -> str | None:
    """What is missing, in words; None of a file that is as long as it says, or does not say it."""
    with file.open("rb") as content:
        start = content.read(16)
        stated = next((states for of, states in STATED if of(start, suffix)), None)
        if stated is None:
            return None
        size = file.stat().st_size
        try:
            most = stated(content, size)
        except (struct.error, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
            return None
    return f"it ends after {size} bytes of {most}" if most > size else None


def wav(content: BinaryIO, _size: int) -> int:
    """To the end of the samples. Of a long one (RF64) another part says how many there are."""
    content.seek(0)
    is_long, long = content.read(4) == b"RF64", 0
    for part in parts(content, 12, "<4sI"):
        if part.kind == b"ds64":
            (long,) = struct.unpack("<8xQ", content.read(16))
        if part.kind == b"data" and is_long:
            return part.begin + long if long < UNKNOWN_LONG else WHOLE
        if part.kind == b"data":
            return part.begin + part.length if part.length < UNKNOWN else WHOLE
    return WHOLE


def aiff(content: BinaryIO, _size: int) -> int:
    sound = next((part for part in parts(content, 12, ">4sI") if part.kind == b"SSND"), None)
    return sound.begin + sound.length if sound and sound.length < UNKNOWN else WHOLE


def parts(content: BinaryIO, begin: int, head: str) -> Iterator[Part]:
    """The parts of a RIFF or an IFF; each begins at an even place."""
    for _ in range(MOST_PARTS):
        content.seek(begin)
        kind, length = struct.unpack(head, content.read(8))
        yield Part(kind, begin + 8, length)
        begin += 8 + length + length % 2


def mp4(content: BinaryIO, size: int) -> int:
    """To the end of the last box that must be there: the index, or what it is about. Others may stand behind it."""
    begin = most = 0
    for _ in range(MOST_PARTS):
        if begin + 8 > size:
            break
        content.seek(begin)
        length, kind = struct.unpack(">I4s", content.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", content.read(8))
        if length < 8:  # 0: to the end
            break
        if kind in {b"moov", b"mdat", b"moof"}:
            most = max(most, begin + length)
        begin += length
    return most


def matroska(content: BinaryIO, _size: int) -> int:
    """To the end of its segment, which holds all but the first few bytes."""
    content.seek(4)
    length = number(content)
    content.seek(content.tell() + length)
    if content.read(4) != b"\x18\x53\x80\x67":
        return WHOLE
    width_at = content.tell()
    length = number(content)
    is_unknown = length == 2 ** (7 * (content.tell() - width_at)) - 1
    return WHOLE if is_unknown else content.tell() + length


def number(content: BinaryIO) -> int:
    """A number of 1 to 8 bytes, as many as the first one has zeros before its first bit, and one more."""
    first = content.read(1)[0]
    width = 9 - first.bit_length()
    rest = content.read(width - 1)
    if len(rest) < width - 1 or width > 8:
        raise ValueError("there is no number")
    return int.from_bytes(bytes([first & (0xFF >> width)]) + rest)


def ogg(content: BinaryIO, size: int) -> int:
    """To the end of the last page."""
    begin = 0
    for _ in range(MOST_PARTS):
        content.seek(begin)
        head = content.read(27)
        if head[:4] != b"OggS"[: len(head)] or begin == size:
            return begin
        if len(head) < 27:
            return begin + 27
        begin += 27 + head[26] + sum(content.read(head[26]))
    return WHOLE


def gif(content: BinaryIO, size: int) -> int:
    """To the end of the last block. The last sign of all is left out by some who write them."""
    content.seek(10)
    begin = 13 + table_of(content.read(1)[0])
    for _ in range(MOST_PARTS):
        content.seek(begin)
        match content.read(1):
            case b"!":
                begin += 2
            case b",":
                content.seek(begin + 9)
                flags = content.read(1)
                begin += 11 + table_of(flags[0] if flags else 0)
            case _:
                return begin
        while begin < size:
            content.seek(begin)
            length = content.read(1)[0]
            begin += 1 + length
            if not length:
                break
        else:
            return begin + 1
    return WHOLE


def table_of(flags: int) -> int:
    """How many bytes of colours follow."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def glb(content: BinaryIO, _size: int) -> int:
    content.seek(8)
    (length,) = struct.unpack("<I", content.read(4))
    return int(length)


def safetensors(content: BinaryIO, _size: int) -> int:
    """To the end of the last tensor."""
    content.seek(0)
    (length,) = struct.unpack("<Q", content.read(8))
    if length > LARGEST_HEADER:
        return int(8 + length) if length <= MOST_HEADER else WHOLE
    header = content.read(length)
    if len(header) < length:
        return int(8 + length)
    tensors: Mapping[str, Any] = json.loads(header)
    ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
    return 8 + int(length) + max(map(int, ends), default=0)


def stl(content: BinaryIO, _size: int) -> int:
    """80 bytes of anything, the number of triangles, and 50 bytes for each."""
    content.seek(80)
    (triangles,) = struct.unpack("<I", content.read(4))
    return 84 + 50 * int(triangles)


def zipped(content: BinaryIO, size: int) -> int:
    """Its list of contents stands at its end."""
    begin = max(0, size - MOST_COMMENT)
    content.seek(begin)
    found = content.read().rfind(END_OF_ZIP)
    return begin + found + 22 if found >= 0 else size + 1


Is = Callable[[bytes, str], bool]


def begins(*words: bytes, at: int = 0) -> Is:
    return lambda start, _suffix: start[at:].startswith(words)


STATED: tuple[tuple[Is, Callable[[BinaryIO, int], int]], ...] = (
    (lambda start, _: start[:4] in {b"RIFF", b"RF64"} and start[8:12] == b"WAVE", wav),
    (lambda start, _: start[:4] == b"FORM" and start[8:12] in {b"AIFF", b"AIFC"}, aiff),
    (begins(b"ftyp", b"moov", b"mdat", at=4), mp4),
    (begins(b"\x1aE\xdf\xa3"), matroska),
    (begins(b"OggS"), ogg),
    (begins(b"GIF87a", b"GIF89a"), gif),
    (begins(b"glTF\1\0\0\0", b"glTF\2\0\0\0"), glb),
    (begins(b"PK\3\4"), zipped),
    (lambda start, suffix: suffix in {".safetensors", ".sft", ".latent"} and start[8:9] == b"{", safetensors),
    (lambda start, suffix: suffix == ".stl" and not start.lstrip().startswith(b"solid"), stl),
)
