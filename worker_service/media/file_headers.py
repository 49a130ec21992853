"""What a file states of itself, read from its own bytes: a file is held to that, and to nothing else."""

import struct
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from worker_service.media.stated_lengths import parts

PNG_START = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 1_000_000  # of a PNG; in more of them its last one is not looked for
TIFFS = {b"II*\0": "<I", b"MM\0*": ">I"}
WAVES = (b"RIFF", b"RF64")
MOST_PARTS = 1000  # of a WAV before its samples
ID3_HEADER = 10  # bytes
FIRST_FRAME = 4096  # bytes; an MP3's frame has at most 1,441
LENGTHS_OF_MP3 = (b"Xing", b"Info", b"VBRI")


def png_is_whole(file: Path) -> bool:
    """Whether a PNG has its last chunk, IEND; what stands behind that is not the picture's. True of any other file."""
    with file.open("rb") as content:
        if content.read(len(PNG_START)) != PNG_START:
            return True
        for _ in range(MOST_CHUNKS):
            header = content.read(8)
            if len(header) < 8:
                return False
            length, kind = struct.unpack(">I4s", header)
            if kind == b"IEND":
                return len(content.read(int(length) + 4)) == int(length) + 4  # its checksum
            content.seek(length + 4, 1)
    return True


def is_tiff(file: Path) -> bool:
    """Whether a file begins as a TIFF does, and has the place at which it says that its directory is. There are more
    kinds of pixels in TIFFs than any decoder knows."""
    with file.open("rb") as content:
        start = content.read(8)
    order = TIFFS.get(start[:4])
    if order is None or len(start) < 8:
        return False
    (directory,) = struct.unpack(order, start[4:])
    return bool(8 <= directory < file.stat().st_size)


def wav_states_samples(file: Path) -> bool:
    """Whether a WAV says that its samples take some bytes; FFmpeg is silent of those that are not there."""
    with file.open("rb") as content:
        start = content.read(12)
        if start[:4] not in WAVES or start[8:] != b"WAVE":
            return False
        first = islice(parts(content, 12, "<4sI"), MOST_PARTS)
        try:
            samples = next((part for part in first if part.kind == b"data"), None)
        except struct.error:  # it breaks off before it comes to them
            return True
    return samples is None or bool(samples.length)


def states_its_length(file: Path, demuxer: str) -> bool:
    """Whether a film or a sound says how long it is. An MP3 does so in its first frame or not at all; FFmpeg guesses
    then, from the bits that the first frames take for a second, and may be far off."""
    if demuxer != "mp3":
        return True
    with file.open("rb") as content:
        content.seek(size_of_id3(content))
        frame = content.read(FIRST_FRAME)
    return any(word in frame for word in LENGTHS_OF_MP3)


def size_of_id3(content: BinaryIO) -> int:
    """How many bytes of tags stand before the first frame of an MP3."""
    header = content.read(ID3_HEADER)
    if len(header) < ID3_HEADER or header[:3] != b"ID3":
        return 0
    size = 0
    for byte in header[6:]:
        size = size << 7 | byte & 0x7F
    return ID3_HEADER + size
