"""Files that are made to harm who opens them: they name other files, explode, never end, or promise too much."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.worker_service.media.pictures import encoded, film, picture, sound

LISTS: dict[str, str] = {
    "ffconcat": "ffconcat version 1.0\n" + "file '{film}'\n" * 1000,
    "HLS of files": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{film}\n#EXT-X-ENDLIST\n",
    "HLS of addresses": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}/</BaseURL></MPD>',
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "RTSP reference": "RTSPtextREF1\nRTSPtext{url}\n",
    "ASF reference": "[Reference]\nRef1={url}/a.asf\n",
    "subtitles": "1\n00:00:00,000 --> 99:00:00,000\nfile:{film}\n",
    "metadata": ";FFMETADATA1\ntitle=x\n[CHAPTER]\nSTART=0\nEND=1\n",
    "SVG": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}/a.png"/></svg>',
    "EPS": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/bin/sh) run\n",
    "XPM": '/* XPM */\nstatic char *a[] = {{"1 1 1 1", "a c #000000", "a"}};\n',
}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, pixels: bytes = b"", *others: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *others, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_of_text(megabytes: int) -> bytes:
    """One pixel, and a compressed text that becomes this long."""
    text = chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * (megabytes << 20)))
    return png(1, 1, bytes(4), text)


def gif(frames: int, size: tuple[int, int] = (1, 1)) -> bytes:
    whole = encoded(Image.new("P", size, 3), "GIF")
    start = whole.index(b",")
    return whole[:start] + (b"\x21\xf9\x04\x04\x01\0\0\0" + whole[start:-1]) * frames + b";"


def webp(frames: int) -> bytes:
    pixels = encoded(Image.new("RGB", (2, 2), 3), "WEBP", lossless=True)[12:]
    frame = bytes(6) + b"\1\0\0\1\0\0\x0a\0\0\0" + pixels
    frame = b"ANMF" + struct.pack("<I", len(frame)) + frame
    header = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0\1\0\0\1\0\0"
    body = b"WEBP" + header + b"ANIM" + struct.pack("<IIH", 6, 0, 0) + frame * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def apng(frames: int) -> bytes:
    """Says that it has so many frames, and has two."""
    first, second = picture(), picture()
    whole = bytearray(encoded(first, "PNG", save_all=True, append_images=[second], duration=100))
    start = whole.index(b"acTL") - 4
    whole[start : start + 20] = chunk(b"acTL", struct.pack(">II", frames, 0))
    return bytes(whole)


def film_with(folder: Path, kind: str, change: Callable[[bytearray], None]) -> bytes:
    codecs = {"mp4": "libx264", "mov": "png"}
    path = folder / f"whole.{kind}"
    film(path, codecs[kind])
    content = bytearray(path.read_bytes())
    change(content)
    return bytes(content)


def box(content: bytearray, kind: bytes) -> int:
    """Where the fields of an MP4's box begin, behind its version and flags."""
    return content.index(kind) + 8


def lasting(*, scale: int, duration: int) -> Callable[[bytearray], None]:
    """The film and its picture say that they last so long."""

    def change(content: bytearray) -> None:
        for kind in (b"mvhd", b"mdhd"):
            struct.pack_into(">II", content, box(content, kind) + 8, scale, duration)
        struct.pack_into(">I", content, box(content, b"tkhd") + 16, duration)
        content[content.index(b"edts") : content.index(b"edts") + 4] = b"free"

    return change


def with_slow_frames(content: bytearray) -> None:
    """Each frame is shown for 24 days."""
    lasting(scale=1, duration=0xFFFFFFFF)(content)
    struct.pack_into(">I", content, box(content, b"stts") + 8, 1 << 21)


def of_side(side: int) -> Callable[[bytearray], None]:
    """A film of PNGs and each of them say that the pictures are this wide and high."""

    def change(content: bytearray) -> None:
        struct.pack_into(">HH", content, content.index(b"stsd") + 44, side, side)
        start = 0
        while (start := content.find(b"IHDR", start + 4)) > 0:
            grow(content, start, side)

    return change


def growing(content: bytearray) -> None:
    """The second PNG of a film is much larger than the first."""
    grow(content, content.index(b"IHDR", content.index(b"IHDR") + 4), 30_000)


def grow(content: bytearray, start: int, side: int) -> None:
    """Change the size in the header of a PNG, whose name starts there."""
    header = chunk(b"IHDR", struct.pack(">II", side, side) + bytes(content[start + 12 : start + 17]))
    content[start - 4 : start - 4 + len(header)] = header


def endless_flac(folder: Path) -> bytes:
    """It says that it has 2^36 samples, which is 18 days."""
    path = folder / "whole.flac"
    sound(path, "flac")
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    return bytes(content)


def long_opus(packets: int) -> bytes:
    """Silence in Ogg: a packet of one byte is 60 ms of sound."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    pages = [page(0, 0, 2, [head]), page(1, 0, 0, [tags])]
    for number in range(0, packets, 255):
        count = min(255, packets - number)
        pages.append(page(len(pages), (number + count) * 2880, 0, [b"\x18"] * count))
    return b"".join(pages)


def page(number: int, granule: int, flags: int, packets: list[bytes]) -> bytes:
    lacing = bytes(len(packet) for packet in packets)
    header = b"OggS" + struct.pack("<BBqIIIB", 0, flags, granule, 1, number, 0, len(lacing)) + lacing
    content = bytearray(header + b"".join(packets))
    struct.pack_into("<I", content, 22, ogg_checksum(content))
    return bytes(content)


def ogg_checksum(content: bytes | bytearray) -> int:
    checksum = 0
    for byte in content:
        checksum = (checksum << 8 & 0xFFFFFFFF) ^ OF_A_BYTE[checksum >> 24 ^ byte]
    return checksum


def checksum_of(byte: int) -> int:
    checksum = byte << 24
    for _ in range(8):
        checksum = (checksum << 1 ^ 0x04C11DB7 if checksum & 0x80000000 else checksum << 1) & 0xFFFFFFFF
    return checksum


OF_A_BYTE = [checksum_of(byte) for byte in range(256)]
