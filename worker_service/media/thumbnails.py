"""Thumbnails are WEBP pictures of an output: never larger than it, upright, and in its colours."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
from PIL import Image, ImageCms, ImageOps

from shared.models import OutputKind

SIZES = (150, 300, 600)
QUALITY = 82
FILTER = Image.Resampling.BICUBIC  # Pillow's own for thumbnails; LANCZOS takes a third longer for the same picture
METHOD = 2  # of 6: at 4 the files are 8 % smaller, and making them takes two and a half times as long


class Thumbnail(NamedTuple):
    """A WEBP that fits in a square of `size` px."""

    size: int
    width: int
    height: int
    content: bytes


def thumbnails(file: Path, kind: OutputKind, decoded: Image.Image | None = None) -> Iterator[Thumbnail]:
    """One for each size, the largest first: the picture is decoded once and each is made from the one before.

    Of an animation and of a video it is the first frame. `decoded` is the picture where the caller has it; it is
    turned upright in place. Raises what decoders raise; the file was verified before.
    """
    if decoded is not None:
        picture = upright(decoded)
    else:
        picture = first_frame(file) if kind is OutputKind.VIDEO else still(file)
    width, height = picture.size
    content = b""
    for size in sorted(SIZES, reverse=True):
        share = min(1.0, size / max(width, height))
        fitting = (max(1, round(width * share)), max(1, round(height * share)))
        if not content or fitting != picture.size:  # else it is smaller than both sizes: the same picture again
            picture = picture.resize(fitting, FILTER)
            content = encoded(picture)
        yield Thumbnail(size, *picture.size, content)


def encoded(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=QUALITY, method=METHOD)
    return content.getvalue()


def still(file: Path) -> Image.Image:
    with Image.open(file) as image:
        # For JPEG: decode at the smallest of 1/2, 1/4 and 1/8 that is still large enough.
        image.draft("RGB", (max(SIZES), max(SIZES)))
        return upright(image)


def upright(image: Image.Image) -> Image.Image:
    """The picture as a viewer shows it. `image` itself is turned, to save a copy."""
    ImageOps.exif_transpose(image, in_place=True)
    return in_srgb(image)


def first_frame(file: Path) -> Image.Image:
    with av.open(str(file)) as container:
        return in_srgb(next(container.decode(video=0)).to_image())  # type: ignore[no-untyped-call]  # av's own


def in_srgb(image: Image.Image) -> Image.Image:
    """The picture as RGB or RGBA in sRGB, the colours that a viewer assumes of a picture without a profile."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # 16 bits a pixel: Pillow would cut off at 255 instead of scaling.
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    has_alpha = image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info
    profile = image.info.get("icc_profile")
    if profile and image.mode in {"RGB", "RGBA", "L", "CMYK"}:
        image = through_profile(image, profile)
    mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)


def through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        assert converted is not None
        if alpha is not None:
            converted.putalpha(alpha)
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile, or one of another colour model: better than no thumbnail
    return converted
