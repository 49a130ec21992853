"""Thumbnails fit, never grow, stand upright, and keep their colours."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from tests.sweeps import rest_at_landing
from tests.worker_service.media.pictures import FILES, encoded, picture
from worker_service.media.findings import Thumbnail
from worker_service.media.pool import MediaPool
from worker_service.media.thumbnails import FILTER, in_srgb


@dataclass(frozen=True)
class Making:
    """Makes the thumbnails of a file, in the pool, from its bytes."""

    pool: MediaPool
    folder: Path

    def found(self, content: bytes, name: str = "output.png") -> Sequence[Thumbnail]:
        file = self.folder / "output"
        file.write_bytes(content)
        examined = self.pool.examine(file, name)
        assert examined.note is None
        return examined.thumbnails

    def small(self, content: bytes, name: str = "output.png") -> dict[int, Image.Image]:
        made = {thumbnail.size: thumbnail for thumbnail in self.found(content, name)}
        opened: dict[int, Image.Image] = {
            size: Image.open(io.BytesIO(thumbnail.content)) for size, thumbnail in made.items()
        }
        assert all(opened[size].size == (made[size].width, made[size].height) for size in made)
        assert {image.format for image in opened.values()} == {"WEBP" if opened[600].mode == "RGBA" else "JPEG"}
        return opened


@pytest.fixture
def making(pool: MediaPool, tmp_path: Path) -> Making:
    return Making(pool, tmp_path)


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
    size: tuple[int, int], expected: dict[int, tuple[int, int]], making: Making
) -> None:
    made = making.small(encoded(picture(size), "PNG"))
    assert {number: image.size for number, image in made.items()} == expected


def test_sizes_that_a_small_picture_fits_alike_have_the_same_bytes(making: Making) -> None:
    large, middle, least = making.found(encoded(picture((200, 100)), "PNG"))
    assert large.content == middle.content != least.content


@pytest.mark.broad
@pytest.mark.parametrize(
    ("kind", "mode"), rest_at_landing([("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("JPEG", "CMYK")])
)
def test_a_large_picture_is_made_small_in_steps_and_looks_as_if_made_small_at_once(
    kind: str, mode: str, making: Making
) -> None:
    noise = Image.effect_noise((100, 100), 60).resize((2501, 2501), Image.Resampling.BICUBIC).convert(mode)
    content = encoded(noise, kind)
    with Image.open(io.BytesIO(content)) as whole:
        at_once = in_srgb(whole).convert("RGB").resize((600, 600), FILTER)
    in_steps = making.small(content)[600].convert("RGB")
    difference = ImageStat.Stat(ImageChops.difference(at_once, in_steps))
    assert max(difference.rms) < 3.2  # of 255: the encoders lose up to 2.7, and a quarter of a pixel's move 2.6


def test_a_picture_that_is_large_and_thin_keeps_its_proportions(making: Making) -> None:
    made = making.small(encoded(picture((4801, 9)), "PNG"))
    assert {size: image.size for size, image in made.items()} == {600: (600, 1), 300: (300, 1), 150: (150, 1)}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_colours_stay(kind: str, making: Making) -> None:
    made = making.small(encoded(picture((700, 700), colour=(200, 30, 90)), kind, quality=95))
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
def test_every_colour_mode_becomes_what_it_looks_like(mode: str, colour: Any, expected: Any, making: Making) -> None:
    kind = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    made = making.small(encoded(picture((300, 300), mode, colour=colour), kind))
    assert colour_of(made[150]) == pytest.approx(expected, abs=6)


def test_what_can_be_seen_through_stays_so(making: Making) -> None:
    made = making.small(encoded(picture((300, 300), "RGBA", colour=(10, 200, 10, 0)), "PNG"))
    assert colour_of(made[150])[3] == 0


def test_a_picture_that_nothing_is_seen_through_needs_no_alpha(making: Making) -> None:
    made = making.small(encoded(picture((300, 300), "RGBA", colour=(10, 200, 10, 255)), "PNG"))
    assert {image.mode for image in made.values()} == {"RGB"}


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_nothing_else_of_an_output_is_in_its_thumbnails(kind: str, making: Making) -> None:
    said = b"painted by somebody"
    content = encoded(picture((700, 700)), kind, comment=said)
    assert said in content
    assert not any(said in thumbnail.content for thumbnail in making.found(content))


def test_a_palette_with_a_transparent_colour_keeps_it(making: Making) -> None:
    image = picture((300, 300), "P", colour=3)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    made = making.small(encoded(image, "PNG", transparency=3))
    assert made[150].mode == "RGBA"
    assert colour_of(made[150])[3] == 0


@pytest.mark.broad
@pytest.mark.parametrize("size", [(600, 300), (2600, 1300)])
@pytest.mark.parametrize("kind", rest_at_landing(["JPEG", "PNG", "WEBP", "TIFF"]))
def test_a_picture_that_lies_on_its_side_is_set_upright(kind: str, size: tuple[int, int], making: Making) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turned by 90 degrees
    made = making.small(encoded(picture(size), kind, exif=exif))
    assert made[150].size == (75, 150)


def test_a_colour_profile_is_applied(making: Making) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Of a device that is told red where sRGB is told green: its columns change places.
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    made = making.small(encoded(picture((300, 300), colour=(255, 0, 0)), "PNG", icc_profile=bytes(profile)))
    assert colour_of(made[150]) == pytest.approx((0, 255, 0), abs=12)


def test_a_broken_colour_profile_does_not_cost_the_thumbnail(making: Making) -> None:
    made = making.small(encoded(picture((300, 300), colour=(200, 30, 90)), "PNG", icc_profile=b"nonsense"))
    assert colour_of(made[150]) == pytest.approx((200, 30, 90), abs=6)


@pytest.mark.parametrize("name", ["moving.webp", "moving.png"])
def test_an_animation_is_shown_by_its_first_frame(name: str, making: Making) -> None:
    FILES[name](making.folder / name)
    made = making.small((making.folder / name).read_bytes(), name)
    assert {image.size for image in made.values()} == {(64, 48)}
    assert not any(getattr(image, "is_animated", False) for image in made.values())


@pytest.mark.parametrize("name", ["film.mp4", "film.webm"])
def test_a_film_is_shown_by_its_first_frame(name: str, making: Making) -> None:
    FILES[name](making.folder / name)
    made = making.small((making.folder / name).read_bytes(), name)
    assert {image.size for image in made.values()} == {(64, 48)}
