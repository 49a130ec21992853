"""What a file is, by its first bytes: nothing is decoded, and no name is believed."""

from typing import NamedTuple

from shared.models import AssetKind

LOOKED_AT = 4096  # bytes, from the first
LONGEST_HEADER = 100_000_000  # bytes of a safetensors header, as its own library has it
CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b") | {127}

IMAGE, VIDEO, AUDIO, OTHER = AssetKind.IMAGE, AssetKind.VIDEO, AssetKind.AUDIO, AssetKind.OTHER


class FileKind(NamedTuple):
    kind: AssetKind
    media_type: str


UNKNOWN = FileKind(OTHER, "application/octet-stream")
TEXT = FileKind(AssetKind.TEXT, "text/plain; charset=utf-8")
TENSORS = FileKind(AssetKind.TENSORS, "application/octet-stream")


class Signature(NamedTuple):
    """Bytes at their offsets, all of which a file of this kind has."""

    found: FileKind
    parts: tuple[tuple[int, bytes], ...]


def starts(kind: AssetKind, media_type: str, *parts: bytes | tuple[int, bytes]) -> Signature:
    return Signature(FileKind(kind, media_type), tuple((0, one) if isinstance(one, bytes) else one for one in parts))


SIGNATURES = (
    starts(IMAGE, "image/png", b"\x89PNG\r\n\x1a\n"),
    starts(IMAGE, "image/jpeg", b"\xff\xd8\xff"),
    starts(IMAGE, "image/gif", b"GIF87a"),
    starts(IMAGE, "image/gif", b"GIF89a"),
    starts(IMAGE, "image/webp", b"RIFF", (8, b"WEBP")),
    starts(IMAGE, "image/bmp", b"BM", (6, b"\0\0\0\0")),
    starts(IMAGE, "image/tiff", b"II*\0"),
    starts(IMAGE, "image/tiff", b"MM\0*"),
    starts(IMAGE, "image/avif", (4, b"ftypavif")),
    starts(IMAGE, "image/avif", (4, b"ftypavis")),
    starts(IMAGE, "image/heic", (4, b"ftyphei")),
    starts(IMAGE, "image/heif", (4, b"ftypmif1")),
    starts(IMAGE, "image/jxl", b"\0\0\0\x0cJXL \r\n\x87\n"),
    starts(IMAGE, "image/x-exr", b"\x76\x2f\x31\x01"),
    starts(IMAGE, "image/vnd.adobe.photoshop", b"8BPS\0\x01"),
    starts(AUDIO, "audio/mp4", (4, b"ftypM4A ")),
    starts(VIDEO, "video/quicktime", (4, b"ftypqt  ")),
    starts(VIDEO, "video/mp4", (4, b"ftyp")),
    starts(VIDEO, "video/x-msvideo", b"RIFF", (8, b"AVI ")),
    starts(VIDEO, "video/x-flv", b"FLV\x01"),
    starts(VIDEO, "video/mpeg", b"\0\0\x01\xba"),
    starts(AUDIO, "audio/wav", b"RIFF", (8, b"WAVE")),
    starts(AUDIO, "audio/flac", b"fLaC"),
    starts(AUDIO, "audio/mpeg", b"ID3"),
    *(starts(AUDIO, "audio/mpeg", bytes((0xFF, second))) for second in (0xFB, 0xFA, 0xF3, 0xF2)),
    *(starts(AUDIO, "audio/aac", bytes((0xFF, second))) for second in (0xF1, 0xF9)),
    starts(AUDIO, "audio/aiff", b"FORM", (8, b"AIFF")),
    starts(OTHER, "application/pdf", b"%PDF-"),
    starts(OTHER, "application/zip", b"PK\x03\x04"),
    starts(OTHER, "application/gzip", b"\x1f\x8b"),
)


def kind_of(head: bytes) -> FileKind:
    """What a file that begins so is. `head` has LOOKED_AT bytes, or all there are."""
    for found, parts in SIGNATURES:
        if all(head.startswith(part, offset) for offset, part in parts):
            return found
    if head.startswith(b"\x1a\x45\xdf\xa3"):  # Matroska, and its part for browsers
        return FileKind(VIDEO, "video/webm" if b"webm" in head[:64] else "video/x-matroska")
    if head.startswith(b"OggS"):
        return FileKind(VIDEO, "video/ogg") if b"theora" in head[:128] else FileKind(AUDIO, "audio/ogg")
    if is_safetensors(head):
        return TENSORS
    return TEXT if is_text(head) else UNKNOWN


def is_safetensors(head: bytes) -> bool:
    """8 bytes for the length of the header, and then the header: a JSON object."""
    return 2 <= int.from_bytes(head[:8], "little") <= LONGEST_HEADER and head[8:9] == b"{"


def is_text(head: bytes) -> bool:
    """UTF-8 without control characters. The last character may be cut off where the head ends."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if len(head) < LOOKED_AT or error.start < len(head) - 3 or error.reason != "unexpected end of data":
            return False
    return bool(head) and not CONTROLS.intersection(head)
