"""Which files are decoded, by the endings of their names; and what a file is by its first bytes."""

from pathlib import Path
from typing import NamedTuple

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff"})
VIDEOS = {".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska", ".mov": "video/quicktime"}
SOUNDS = {".flac": "audio/flac", ".mp3": "audio/mpeg", ".opus": "audio/ogg", ".ogg": "audio/ogg", ".wav": "audio/wav"}
DECODED = IMAGES | VIDEOS.keys() | SOUNDS.keys()

# The only decoders of pictures that a file may choose. Pillow has forty, and one of them starts another program.
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")

# The only demuxers that a file may choose. FFmpeg has 350, and some of them open whatever else the file names.
# ending -> the demuxer for a file whose first bytes say nothing
DEMUXERS = {
    ".mp4": "mov",
    ".mov": "mov",
    ".webm": "matroska",
    ".mkv": "matroska",
    ".flac": "flac",
    ".mp3": "mp3",
    ".opus": "ogg",
    ".ogg": "ogg",
    ".wav": "wav",
}


class Signature(NamedTuple):
    """The bytes at one place of a file that say what it is. `demuxer` is None for a picture."""

    start: int
    content: bytes
    media_type: str
    demuxer: str | None = None


LONGEST_SIGNATURE = 16
SIGNATURES = (
    Signature(0, b"\x89PNG\r\n\x1a\n", "image/png"),
    Signature(0, b"\xff\xd8\xff", "image/jpeg"),
    Signature(0, b"GIF87a", "image/gif"),
    Signature(0, b"GIF89a", "image/gif"),
    Signature(8, b"WEBP", "image/webp"),
    Signature(4, b"ftypavif", "image/avif"),
    Signature(4, b"ftypavis", "image/avif"),
    Signature(0, b"BM", "image/bmp"),
    Signature(0, b"II*\x00", "image/tiff"),
    Signature(0, b"MM\x00*", "image/tiff"),
    Signature(4, b"ftypqt  ", "video/quicktime", "mov"),
    *(Signature(4, box, "video/mp4", "mov") for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    Signature(0, b"\x1aE\xdf\xa3", "video/x-matroska", "matroska"),
    Signature(0, b"fLaC", "audio/flac", "flac"),
    Signature(0, b"OggS", "audio/ogg", "ogg"),
    Signature(8, b"WAVE", "audio/wav", "wav"),
)


def signature(file: Path) -> Signature | None:
    """What the first bytes of a file say it is, if it is anything that is decoded."""
    with file.open("rb") as content:
        start = content.read(LONGEST_SIGNATURE)
    return next((one for one in SIGNATURES if start[one.start :].startswith(one.content)), None)


def media_type_of(file: Path, suffix: str) -> str:
    """The type of a file by its first bytes. Of several that begin alike, its name chooses."""
    found = signature(file)
    if suffix in DEMUXERS and (found is None or found.demuxer in {None, DEMUXERS[suffix]}):
        return {**VIDEOS, **SOUNDS}[suffix]
    return found.media_type if found else "application/octet-stream"


def kind_of(suffix: str) -> str:
    """The value of OutputKind that the ending of such a file's name stands for."""
    if suffix in IMAGES:
        return "image"
    return "video" if suffix in VIDEOS else "audio"
