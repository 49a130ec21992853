"""A file is decoded once and whole: so that a damaged or shortened one is found, and for its thumbnails."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from worker_service.media.file_headers import is_tiff, png_is_whole
from worker_service.media.findings import BeyondLimits, Damaged, Examined, MediaInfo
from worker_service.media.kinds import IMAGES, PICTURE_FORMATS, media_type_of
from worker_service.media.thumbnails import pictured

MOST_FRAMES = 10_000
LARGEST_TEXT = 64 << 20  # a PNG carries its workflow; Pillow's own limit is this for all texts, and 1 MiB for one
SHORT_OF = {errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EFBIG}
# What Pillow and its libraries say of a file that is not damaged, but too large for the limits here.
TOO_LARGE = ("out of memory", "decompressed data too large", "too much memory used")

# Pillow's limit against decompression bombs; `prepare` makes its warning an error.
Bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def prepare() -> None:
    """Load the decoders of pictures, and none of any other format. Those of films come with the first film."""
    from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    Image.preinit()
    PngImagePlugin.MAX_TEXT_CHUNK = LARGEST_TEXT
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def examine(file: Path, suffix: str) -> Examined:
    """Decode the whole file, by the kind that the ending of its name promises, and make its thumbnails.

    Raises Damaged, BeyondLimits, and MemoryError.
    """
    with saying_what_is_damaged():
        media, picture = examine_image(file) if suffix in IMAGES else examine_film(file, suffix)
    if picture is None:
        return Examined(media, note=media.undecoded or f"{media.kind} outputs have no picture")
    return Examined(media, *pictured(picture))


@contextmanager
def saying_what_is_damaged() -> Iterator[None]:
    """Turn what decoders raise on damaged files, from SyntaxError to struct.error, into Damaged."""
    try:
        yield
    except (MemoryError, BeyondLimits):
        raise
    except Exception as error:
        said = plain_reason(error)
        if getattr(error, "errno", None) in SHORT_OF or any(words in said.lower() for words in TOO_LARGE):
            raise BeyondLimits(said) from error
        raise Damaged(said) from error


def plain_reason(error: Exception) -> str:
    """What an error says, without the path of a file of ours."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def examine_film(file: Path, suffix: str) -> tuple[MediaInfo, Image.Image | None]:
    # Here, as FFmpeg takes half of the memory of a member, and most members never see a film.
    from worker_service.media.films import verify_film

    assert Image.MAX_IMAGE_PIXELS is not None
    return verify_film(file, suffix, Image.MAX_IMAGE_PIXELS)


def examine_image(file: Path) -> tuple[MediaInfo, Image.Image | None]:
    """What a picture is, and the first of its frames."""
    if not png_is_whole(file):
        raise EOFError("the PNG ends before its last chunk")
    try:
        with file.open("rb") as content, Image.open(content, formats=PICTURE_FORMATS) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > MOST_FRAMES:
                raise BeyondLimits(f"it has {frames} pictures, and at most {MOST_FRAMES} are decoded")
            media_type = image.get_format_mimetype() or "application/octet-stream"
            if frames == 1:
                image.load()
                return MediaInfo("image", media_type, *image.size), image
            first = decoded_whole(image, frames)
            return MediaInfo("animation", media_type, *image.size), first
    except UnidentifiedImageError as error:
        if not is_tiff(file):
            raise Damaged(f"it is none of {', '.join(PICTURE_FORMATS)}") from error
        return MediaInfo("image", "image/tiff", undecoded="TIFFs with such pixels are not decoded"), None
    except Bombs as error:
        reason = f"the image is too large to decode: {error}"
        return MediaInfo("image", media_type_of(file, ".png"), undecoded=reason), None


def decoded_whole(image: Image.Image, frames: int) -> Image.Image:
    """Decode every frame. Returns the first."""
    image.load()
    first = image.copy()
    for number in range(1, frames):
        image.seek(number)
        image.load()
    return first
