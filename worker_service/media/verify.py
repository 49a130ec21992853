"""Outputs are decoded whole, so that a damaged or shortened file is never stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import av
from av.error import FFmpegError
from PIL import Image, UnidentifiedImageError

from shared.jobs.errors import OutputCorrupt
from shared.models import OutputKind
from worker_service.media.promises import PNG_START, is_tiff, png_is_whole, states_its_length
from worker_service.media.texts import TEXTS, text_media_type

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff"}
VIDEOS = {".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska", ".mov": "video/quicktime"}
SOUNDS = {".flac": "audio/flac", ".mp3": "audio/mpeg", ".opus": "audio/ogg", ".ogg": "audio/ogg", ".wav": "audio/wav"}
SHORT_BY_S = 0.1  # a sound or a film may be shorter than its header says by this much, as encoders round

# Pillow's limit against decompression bombs; the worker makes its warning an error, see `main`.
Bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class MediaInfo(NamedTuple):
    """What decoding a file has shown. `undecoded` is why it was not decoded: it is too large."""

    kind: OutputKind
    media_type: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    undecoded: str | None = None


class Verified(NamedTuple):
    """What a file is, and the decoded `picture` of every still image but a JPEG."""

    media: MediaInfo
    picture: Image.Image | None = None


def verify(file: Path, filename: str) -> Verified:
    """Decode the whole file, by the kind its name promises. Raises OutputCorrupt.

    A text, and a file of an unknown kind, says nothing of itself to which it could be held: it is kept as it is.
    """
    suffix = Path(filename).suffix.lower()
    with saying_what_is_corrupt(filename):
        if suffix in IMAGES:
            return verify_image(file)
        if suffix in VIDEOS or suffix in SOUNDS:
            return Verified(verify_media(file, suffix))
    if suffix in TEXTS:
        return Verified(MediaInfo(OutputKind.TEXT, text_media_type(file, suffix)))
    return Verified(MediaInfo(OutputKind.OTHER, "application/octet-stream"))


@contextmanager
def saying_what_is_corrupt(filename: str) -> Iterator[None]:
    """Turn what decoders raise on damaged files, from SyntaxError to struct.error, into OutputCorrupt."""
    try:
        yield
    except (OSError, EOFError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise OutputCorrupt(filename, without_path(error)) from error
    except FFmpegError as error:
        raise OutputCorrupt(filename, without_path(error)) from error


def without_path(error: Exception) -> str:
    """What an error says, without the path of a file of ours."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def verify_image(file: Path) -> Verified:
    if not png_is_whole(file):
        raise EOFError("the PNG ends before its last chunk")
    try:
        with Image.open(file) as image:
            frames = getattr(image, "n_frames", 1)
            for number in range(frames):
                image.seek(number)
                image.load()
            kind = OutputKind.ANIMATION if frames > 1 else OutputKind.IMAGE
            media = MediaInfo(kind, image.get_format_mimetype() or "application/octet-stream", *image.size)
            # A JPEG is decoded small faster than it is made small: 4096x4096 in 48 ms instead of 142.
            return Verified(media, image if frames == 1 and image.format != "JPEG" else None)
    except UnidentifiedImageError as error:
        if not is_tiff(file):
            raise ValueError("it is no picture of a kind that is known here") from error
        reason = "TIFFs with such pixels are not decoded"
        return Verified(MediaInfo(OutputKind.IMAGE, "image/tiff", undecoded=reason))
    except Bombs as error:
        reason = f"the image is too large to decode: {error}"
        return Verified(MediaInfo(OutputKind.IMAGE, bomb_media_type(file), undecoded=reason))


def bomb_media_type(file: Path) -> str:
    with file.open("rb") as content:
        return "image/png" if content.read(len(PNG_START)) == PNG_START else "application/octet-stream"


def verify_media(file: Path, suffix: str) -> MediaInfo:
    with av.open(str(file)) as container:
        end_s, frame_s = 0.0, 0.0
        streams = [*container.streams.video, *container.streams.audio]
        if any(stream.codec_context is None for stream in streams):
            return undecoded_media(suffix)
        for packet in container.demux(streams) if streams else ():
            for frame in packet.decode():
                if not isinstance(frame, av.VideoFrame | av.AudioFrame):
                    continue
                length_s = length_of(frame)
                end_s = max(end_s, (frame.time or 0.0) + length_s)
                frame_s = max(frame_s, length_s)
        start_s = (container.start_time or 0) / av.time_base
        is_stated = states_its_length(file, container.format.name)
        promised_s = (container.duration or 0) / av.time_base if is_stated else 0.0
        if not frame_s or end_s - start_s < promised_s - frame_s - SHORT_BY_S:
            raise EOFError(f"it ends after {end_s - start_s:.2f} s of {promised_s:.2f} s")
        duration_ms = round((end_s - start_s) * 1000)
        if suffix in SOUNDS:
            return MediaInfo(OutputKind.AUDIO, SOUNDS[suffix], duration_ms=duration_ms)
        if not container.streams.video:
            return MediaInfo(OutputKind.AUDIO, VIDEOS[suffix].replace("video/", "audio/"), duration_ms=duration_ms)
        picture = container.streams.video[0]
        return MediaInfo(OutputKind.VIDEO, VIDEOS[suffix], picture.width, picture.height, duration_ms)


def undecoded_media(suffix: str) -> MediaInfo:
    """A film or a sound that is whole for all that anybody here knows."""
    reason = "it has a stream that is not decoded here"
    if suffix in SOUNDS:
        return MediaInfo(OutputKind.AUDIO, SOUNDS[suffix], undecoded=reason)
    return MediaInfo(OutputKind.VIDEO, VIDEOS[suffix], undecoded=reason)


def length_of(frame: av.VideoFrame | av.AudioFrame) -> float:
    """How long a frame lasts, in seconds."""
    if isinstance(frame, av.AudioFrame):
        return frame.samples / frame.sample_rate
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return 1 / 24  # the file does not say; most films have about 24 frames a second
