"""Thumbnails fit, never grow, stand upright, and keep their colours."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from shared.models import OutputKind
from tests.worker_service.media.pictures import FILES, encoded, picture
from worker_service.media.thumbnails import thumbnails
from worker_service.media.verify import verify


def small(content: bytes, tmp_path: Path, kind: OutputKind = OutputKind.IMAGE) -> dict[int, Image.Image]:
    file = tmp_path / "output"
    file.write_bytes(content)
    found = list(thumbnails(file, kind))
    if kind is OutputKind.IMAGE:
        assert found == list(thumbnails(file, kind, decoded(file)))
    made = {thumbnail.size: thumbnail for thumbnail in found}
    opened: dict[int, Image.Image] = {
        size: Image.open(io.BytesIO(thumbnail.content)) for size, thumbnail in made.items()
    }
    assert all(opened[size].size == (made[size].width, made[size].height) for size in made)
    assert all(thumbnail.content[8:12] == b"WEBP" for thumbnail in made.values())
    return opened


def decoded(file: Path) -> Image.Image | None:
    """The picture as its verification hands it on: the thumbnails must come out the same."""
    with Image.open(file) as image:
        suffix = f".{image.format}".lower()
    return verify(file, f"output{suffix}").picture


def colour_of(image: Image.Image) -> Any:
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.broad
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1200, 800), {150: (150, 100), 300: (300, 200), 600: (600, 400)}),
        ((832, 1216), {150: (103, 150), 300: (205, 300), 600: (411, 600)}),
        ((200, 100), {150: (150, 75), 300: (200, 100), 600: (200, 100)}),
        ((64, 64), {150: (64, 64), 300: (64, 64), 600: (64, 64)}),
        ((1, 3000), {150: (1, 150), 300: (1, 300), 600: (1, 600)}),
    ],
)
def test_each_fits_its_square_keeps_its_proportions_and_never_grows(
    size: tuple[int, int], expected: dict[int, tuple[int, int]], tmp_path: Path
) -> None:
    made = small(encoded(picture(size), "PNG"), tmp_path)
    assert {number: image.size for number, image in made.items()} == expected


def test_sizes_that_a_small_picture_fits_alike_have_the_same_bytes(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_bytes(encoded(picture((200, 100)), "PNG"))
    large, middle, least = thumbnails(file, OutputKind.IMAGE)
    assert large.content == middle.content != least.content


def test_a_decoded_picture_needs_its_file_no_more(tmp_path: Path) -> None:
    file = tmp_path / "output"
    exif = Image.Exif()
    exif[0x0112] = 6
    file.write_bytes(encoded(picture((600, 300)), "PNG", exif=exif))
    handed_on = decoded(file)
    assert handed_on is not None
    file.unlink()
    assert [(one.width, one.height) for one in thumbnails(file, OutputKind.IMAGE, handed_on)][-1] == (75, 150)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_colours_stay(kind: str, tmp_path: Path) -> None:
    made = small(encoded(picture((700, 700), colour=(200, 30, 90)), kind, quality=95), tmp_path)
    assert colour_of(made[300]) == pytest.approx((200, 30, 90), abs=6)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 90, (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("CMYK", (0, 255, 255, 0), (254, 0, 0)),
        ("I;16", 0x8000, (128, 128, 128)),
        ("YCbCr", (128, 128, 128), (128, 128, 128)),
    ],
)
def test_every_colour_mode_becomes_what_it_looks_like(mode: str, colour: Any, expected: Any, tmp_path: Path) -> None:
    kind = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    made = small(encoded(picture((300, 300), mode, colour=colour), kind), tmp_path)
    assert colour_of(made[150]) == pytest.approx(expected, abs=6)


def test_what_can_be_seen_through_stays_so(tmp_path: Path) -> None:
    made = small(encoded(picture((300, 300), "RGBA", colour=(10, 200, 10, 0)), "PNG"), tmp_path)
    assert colour_of(made[150])[3] == 0


def test_a_palette_with_a_transparent_colour_keeps_it(tmp_path: Path) -> None:
    image = picture((300, 300), "P", colour=3)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    made = small(encoded(image, "PNG", transparency=3), tmp_path)
    assert made[150].mode == "RGBA"
    assert colour_of(made[150])[3] == 0


def test_a_picture_that_lies_on_its_side_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turned by 90 degrees
    made = small(encoded(picture((600, 300)), "JPEG", exif=exif), tmp_path)
    assert made[150].size == (75, 150)


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Of a device that is told red where sRGB is told green: its columns change places.
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    made = small(encoded(picture((300, 300), colour=(255, 0, 0)), "PNG", icc_profile=bytes(profile)), tmp_path)
    assert colour_of(made[150]) == pytest.approx((0, 255, 0), abs=12)


def test_a_broken_colour_profile_does_not_cost_the_thumbnail(tmp_path: Path) -> None:
    made = small(encoded(picture((300, 300), colour=(200, 30, 90)), "PNG", icc_profile=b"nonsense"), tmp_path)
    assert colour_of(made[150]) == pytest.approx((200, 30, 90), abs=6)


@pytest.mark.parametrize("name", ["moving.webp", "moving.png"])
def test_an_animation_is_shown_by_its_first_frame(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    made = small((tmp_path / name).read_bytes(), tmp_path, OutputKind.ANIMATION)
    assert {image.size for image in made.values()} == {(64, 48)}
    assert not any(getattr(image, "is_animated", False) for image in made.values())


@pytest.mark.parametrize("name", ["film.mp4", "film.webm"])
def test_a_film_is_shown_by_its_first_frame(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    made = small((tmp_path / name).read_bytes(), tmp_path, OutputKind.VIDEO)
    assert {image.size for image in made.values()} == {(64, 48)}
