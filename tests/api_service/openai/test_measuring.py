"""What the first bytes of a picture say of it, and which size follows from that."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import strategies as st
from PIL import Image

from api_service.doors.openai.asking.measuring import JPEG, PNG, Measured, measured
from api_service.doors.openai.asking.sizes import USUAL, Size, size_of
from shared.files.file_kinds import LOOKED_AT
from tests.hypotheses import given

SIZE = Size(130, 66)


def head(mode: str, format_: str, **options: Any) -> bytes:
    content = BytesIO()
    Image.new(mode, SIZE).save(content, format_, **options)
    return content.getvalue()[:LOOKED_AT]


@pytest.mark.parametrize(
    ("mode", "format_", "options", "has_alpha"),
    [
        ("RGB", "PNG", {}, False),
        ("RGBA", "PNG", {}, True),
        ("L", "PNG", {}, False),
        ("LA", "PNG", {}, True),
        ("P", "PNG", {}, False),
        ("P", "PNG", {"transparency": 0}, True),
        ("RGB", "JPEG", {}, False),
        ("RGB", "JPEG", {"progressive": True, "comment": b"x" * 500}, False),
        ("RGB", "WEBP", {}, False),
        ("RGB", "WEBP", {"lossless": True}, False),
        ("RGBA", "WEBP", {"lossless": True}, True),
        ("RGBA", "WEBP", {}, True),
    ],
)
def test_the_head_of_a_picture_says_its_size_and_whether_it_has_alpha(
    mode: str, format_: str, options: dict[str, Any], has_alpha: bool
) -> None:
    assert measured(head(mode, format_, **options)) == Measured(SIZE, has_alpha)


@given(st.sampled_from([b"", PNG, JPEG, b"RIFF....WEBPVP8 ", b"RIFF....WEBPVP8L", b"RIFF....WEBPVP8X"]), st.binary())
def test_any_bytes_have_a_size_or_none(start: bytes, rest: bytes) -> None:
    found = measured(start + rest)
    assert found is None or size_of("auto", found.size)


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_size_that_follows_is_one_that_a_job_takes(width: int, height: int) -> None:
    found = size_of(None, Size(width, height))
    assert all(64 <= side <= 2048 and side % 8 == 0 for side in found)


def test_a_size_is_as_it_was_asked_for_or_as_the_picture_has_it_or_usual() -> None:
    assert size_of("512x768", SIZE) == (512, 768)
    assert size_of("auto", SIZE) == (128, 64)
    assert size_of(None, Size(4096, 2048)) == (2048, 1024)
    assert size_of("auto") == size_of(None) == USUAL
