"""What a file is, by its first bytes."""

import json

import pytest

from shared.files.file_kinds import LOOKED_AT, kind_of


def safetensors(header: dict[str, object]) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * 64


@pytest.mark.parametrize(
    ("head", "kind", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image", "image/webp"),
        (b"GIF89a\x01\0", "image", "image/gif"),
        (b"BM\x10\0\0\0\0\0\0\0", "image", "image/bmp"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "image", "image/avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video", "video/quicktime"),
        (b"\0\0\0\x1cftypM4A \0\0\0\0", "audio", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video", "video/x-matroska"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "audio", "audio/wav"),
        (b"ID3\x04\0", "audio", "audio/mpeg"),
        (b"\xff\xfb\x90d", "audio", "audio/mpeg"),
        (b"fLaC\0\0\0\x22", "audio", "audio/flac"),
        (b"OggS\0\x02" + b"\0" * 22 + b"\x01\x1eOpusHead", "audio", "audio/ogg"),
        (b"OggS\0\x02" + b"\0" * 22 + b"\x80theora", "video", "video/ogg"),
        (safetensors({"latent_tensor": {"dtype": "F32"}}), "tensors", "application/octet-stream"),
        (b"a text\nof two lines", "text", "text/plain; charset=utf-8"),
        ("naïve 🦊".encode(), "text", "text/plain; charset=utf-8"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "text", "text/plain; charset=utf-8"),
        (b"%PDF-1.7", "other", "application/pdf"),
        (b"PK\x03\x04", "other", "application/zip"),
        (b"\x7fELF\x02\x01", "other", "application/octet-stream"),
        (b"MZ\x90\0", "other", "application/octet-stream"),
        (b"a text\0with a NUL", "other", "application/octet-stream"),
        (b"latin-1: \xe9", "other", "application/octet-stream"),
        (b"", "other", "application/octet-stream"),
        (b"\x89PN", "other", "application/octet-stream"),
        (b"\xff" * 8 + b"{", "other", "application/octet-stream"),
    ],
)
def test_it_is_found_out_from_its_bytes(head: bytes, kind: str, media_type: str) -> None:
    assert kind_of(head) == (kind, media_type)


@pytest.mark.parametrize("shift", range(4))
def test_a_text_may_be_cut_within_its_last_character(shift: int) -> None:
    text = (b"x" * shift + "🦊".encode() * LOOKED_AT)[:LOOKED_AT]
    assert kind_of(text).kind == "text"


def test_a_short_text_that_ends_within_a_character_is_none() -> None:
    assert kind_of("🦊".encode()[:-1]).kind == "other"
