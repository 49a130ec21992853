"""Films and sounds are decoded whole, by a demuxer that we choose, which opens nothing but the one file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image

from worker_service.media.file_headers import states_its_length, wav_states_samples
from worker_service.media.findings import LONGEST_MS, BeyondLimits, MediaInfo
from worker_service.media.kinds import DEMUXERS, SOUNDS, kind_of, media_type_of, signature

SHORT_BY_S = 0.1  # a sound or a film may be shorter than its header says by this much, as encoders round
MOST_STREAMS = 64
READ_BYTES = 1 << 18


def verify_film(file: Path, suffix: str, most_pixels: int) -> tuple[MediaInfo, Image.Image | None]:
    """What a film or a sound is, and the first frame of a film. Raises BeyondLimits, or what FFmpeg does."""
    with opened(file, suffix) as container:
        streams = (*container.streams.video, *container.streams.audio)
        if any(stream.codec_context is None for stream in streams):
            reason = "it has a stream that is not decoded here"
            return MediaInfo(kind_of(suffix), media_type_of(file, suffix), undecoded=reason), None
        prepare_decoders(container, most_pixels)
        is_held = states_its_length(file, container.format.name)
        first, end_s = decoded_whole(container, is_held=is_held, may_be_empty=is_empty_sound(file, container))
        start_s = (container.start_time or 0) / av.time_base
        duration_ms = round((end_s - start_s) * 1000)
        if duration_ms > LONGEST_MS:
            raise BeyondLimits(f"it says that it lasts {end_s - start_s:.0f} s")
        if suffix in SOUNDS:
            return MediaInfo("audio", SOUNDS[suffix], duration_ms=duration_ms), None
        media_type = media_type_of(file, suffix)
        if not container.streams.video:
            return MediaInfo("audio", media_type.replace("video/", "audio/"), duration_ms=duration_ms), None
        picture = container.streams.video[0]
        return MediaInfo("video", media_type, picture.width, picture.height, duration_ms), first


@contextmanager
def opened(file: Path, suffix: str) -> Iterator[InputContainer]:
    found = signature(file)
    demuxer = (found.demuxer if found else None) or DEMUXERS[suffix]
    # Not by its name, but as something to read from: so FFmpeg has no way to open a file at all.
    with (
        file.open("rb", buffering=0) as content,
        av.open(
            content,
            format=demuxer,
            container_options={"protocol_whitelist": "none", "max_streams": str(MOST_STREAMS)},
            io_open=refuse,
            metadata_errors="replace",
            buffer_size=READ_BYTES,
        ) as container,
    ):
        assert isinstance(container, InputContainer)
        yield container


def refuse(_url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise PermissionError("it names another file")


def prepare_decoders(container: InputContainer, most_pixels: int) -> None:
    """Each decoder works in this one thread and refuses frames that are too large, also where they grow later."""
    for film in container.streams.video:
        if film.width * film.height > most_pixels:
            raise BeyondLimits(f"its pictures are too large to decode: {film.width}x{film.height} px")
    streams: list[VideoStream | AudioStream] = [*container.streams.video, *container.streams.audio]
    for stream in streams:
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(most_pixels)}


def decoded_whole(container: InputContainer, *, is_held: bool, may_be_empty: bool) -> tuple[Image.Image | None, float]:
    """The first picture, and the second at which the last frame ends. Raises EOFError where the file ends before its
    header says, if it `is_held` to that, and where it has no frame at all unless it `may_be_empty`."""
    first: Image.Image | None = None
    end_s, frame_s = 0.0, 0.0
    streams: Any = [*container.streams.video, *container.streams.audio]
    for packet in container.demux(streams) if streams else ():
        for frame in packet.decode():
            if not isinstance(frame, av.VideoFrame | av.AudioFrame):
                continue
            if first is None and isinstance(frame, av.VideoFrame):
                first = frame.to_image()  # type: ignore[no-untyped-call]  # av's own
            length_s = length_of(frame)
            end_s = max(end_s, (frame.time or 0.0) + length_s)
            frame_s = max(frame_s, length_s)
    start_s = (container.start_time or 0) / av.time_base
    promised_s = (container.duration or 0) / av.time_base if is_held else 0.0
    is_missing = not frame_s and not may_be_empty
    if is_missing or end_s - start_s < promised_s - frame_s - SHORT_BY_S:
        raise EOFError(f"it ends after {end_s - start_s:.2f} s of {promised_s:.2f} s")
    return first, end_s


def is_empty_sound(file: Path, container: InputContainer) -> bool:
    """Whether a file of sounds says of no sample that it is there: then none is missing. FFmpeg takes any file for a
    FLAC or an MP3 without sound, so it must begin as what it is."""
    sounds, found = container.streams.audio, signature(file)
    if not sounds or container.streams.video or found is None or wav_states_samples(file):
        return False
    if found.demuxer is None or found.demuxer not in container.format.name.split(","):
        return False
    stated = (container.duration, *(stream.duration for stream in sounds), *(stream.frames for stream in sounds))
    return not any(stated)


def length_of(frame: av.VideoFrame | av.AudioFrame) -> float:
    """How long a frame lasts, in seconds."""
    if isinstance(frame, av.AudioFrame):
        return frame.samples / frame.sample_rate
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return 1 / 24  # the file does not say; most films have about 24 frames a second
