"""Moving pictures and sound, encoded in memory."""

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av import AudioFrame, AudioStream, VideoFrame, VideoStream

from deploy.simulator.nodes.values import Sound, Video

SAMPLES_A_FRAME = 1024
SOUND_CODECS = {"flac": ("flac", "s16"), "mp3": ("libmp3lame", "s16p")}


@dataclass(frozen=True)
class Container:
    """A file format with its video codec and that codec's options."""

    form: str
    codec: str
    options: dict[str, str]


def encode_video(container: Container, video: Video, texts: dict[str, str]) -> bytes:
    """The bytes of a video file; `texts` become its tags."""
    encoded = io.BytesIO()
    options = {"movflags": "use_metadata_tags"} if container.form == "mp4" else {}
    with av.open(encoded, mode="w", format=container.form, options=options) as output:
        output.metadata.update(texts)
        rate = Fraction(video.frames_per_second).limit_denominator(1000)
        stream = cast("VideoStream", output.add_stream(container.codec, rate=rate, options=container.options))
        stream.width, stream.height = (side // 2 * 2 or 2 for side in video.pictures.size)
        stream.pix_fmt = "yuv420p"
        for image in video.pictures.images:
            frame = VideoFrame.from_image(image.crop((0, 0, stream.width, stream.height)))  # type: ignore[no-untyped-call]
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return encoded.getvalue()


def encode_sound(form: str, sound: Sound, texts: dict[str, str]) -> bytes:
    """The bytes of a sound file of silence; `texts` become its tags."""
    codec, sample_format = SOUND_CODECS[form]
    layout = "mono" if sound.channels == 1 else "stereo"
    encoded = io.BytesIO()
    with av.open(encoded, mode="w", format=form) as output:
        output.metadata.update(texts)
        stream = cast("AudioStream", output.add_stream(codec, rate=sound.sample_rate, layout=layout))
        remaining = max(1, round(sound.seconds * sound.sample_rate))
        while remaining > 0:
            frame = AudioFrame(sample_format, layout, min(remaining, SAMPLES_A_FRAME))
            frame.sample_rate = sound.sample_rate
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            output.mux(stream.encode(frame))
            remaining -= SAMPLES_A_FRAME
        output.mux(stream.encode(None))
    return encoded.getvalue()
