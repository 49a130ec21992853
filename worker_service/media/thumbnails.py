"""Thumbnails are small pictures of an output: never larger than it, upright, and in its colours."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image, ImageCms, ImageOps

from worker_service.media.findings import SIZES, Thumbnail, plain

FILTER = Image.Resampling.HAMMING  # as good as BICUBIC where a picture gets smaller, in 0.6 of the time
# A WEBP of the same error takes ten times as long, for a file that is a tenth smaller. So it is only for what can be
# seen through, which a JPEG cannot say.
JPEG: Mapping[str, Any] = {"quality": 85, "comment": None}  # else Pillow takes over the comment of the output
WEBP: Mapping[str, Any] = {"quality": 82, "method": 0}  # of 6: 2 takes half as long again
OPAQUE = 255
SPARE = 1.7  # a picture is first halved, thirded, ... to no less than this times the largest thumbnail
REDUCIBLE = {"L", "RGB", "RGBA", "CMYK", "YCbCr"}  # modes in which the mean of two pixels is a colour between them


def pictured(picture: Image.Image) -> tuple[tuple[Thumbnail, ...], str | None]:
    """The thumbnails of a decoded picture, or a note that says why there are none."""
    try:
        return tuple(thumbnails(picture)), None
    except MemoryError:
        return (), "no thumbnail could be made: it needs too much memory"
    except Exception as error:  # noqa: BLE001  # the file itself is sound, and its thumbnails are not worth failing for
        return (), f"no thumbnail could be made: {plain(str(error))}"


def thumbnails(picture: Image.Image) -> Iterator[Thumbnail]:
    """One for each size, the largest first: each is made from the one before. The picture itself may be turned."""
    picture = upright(picture)
    width, height = picture.size
    times = reducible(picture)
    small = without_idle_alpha(in_srgb(picture.reduce(times) if times > 1 else picture))
    # Where a side is no multiple of `times`, the last row or column stands for less than the others.
    box: tuple[float, float, float, float] | None = (0, 0, width / times, height / times)
    content = b""
    for size in sorted(SIZES, reverse=True):
        share = min(1.0, size / max(width, height))
        fitting = (max(1, round(width * share)), max(1, round(height * share)))
        if not content or fitting != small.size:  # else it is smaller than both sizes: the same picture again
            small, box = small.resize(fitting, FILTER, box), None
            content = encoded(small)
        yield Thumbnail(size, *small.size, content)


def encoded(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(content, "WEBP", **WEBP)
    else:
        picture.save(content, "JPEG", **JPEG)
    return content.getvalue()


def without_idle_alpha(image: Image.Image) -> Image.Image:
    """The picture without its alpha channel where nothing can be seen through."""
    is_opaque = image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == OPAQUE
    return image.convert("RGB") if is_opaque else image


def upright(image: Image.Image) -> Image.Image:
    """The picture as a viewer shows it. `image` itself is turned, to save a copy."""
    ImageOps.exif_transpose(image, in_place=True)
    return image


def reducible(image: Image.Image) -> int:
    """How many times smaller a picture can be made at first, so that the thumbnails come out the same. That is quick,
    and colours need not be converted of what is left out."""
    if image.mode not in REDUCIBLE or "transparency" in image.info:
        return 1
    return max(1, int(max(image.size) / (SPARE * max(SIZES))))


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
