"""Small files of every kind a ComfyUI makes, made here."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from PIL import Image


def picture(size: tuple[int, int] = (64, 48), mode: str = "RGB", colour: Any = None) -> Image.Image:
    """A picture that no encoder can shrink to nothing; `colour` makes it plain instead."""
    if colour is not None:
        return Image.new(mode, size, colour)
    return Image.effect_noise(size, 60).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def animation(kind: str, frames: int = 3) -> bytes:
    first, *rest = (picture(mode="RGBA") for _ in range(frames))
    return encoded(first, kind, save_all=True, append_images=rest, duration=100)


def film(path: Path, codec: str, *, frames: int = 10) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24" if codec == "png" else "yuv420p"
        for _ in range(frames):
            frame = av.VideoFrame.from_image(picture())  # type: ignore[no-untyped-call]  # av's own
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound(path: Path, codec: str, *, seconds: float = 1.0) -> None:
    rate, samples = 44_100, 1152
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        for number in range(int(seconds * rate / samples)):
            frame = av.AudioFrame(format="s16", layout="stereo", samples=samples)
            frame.sample_rate, frame.pts = rate, number * samples
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


Maker = Callable[[Path], object]

# name -> how to make such a file
FILES: dict[str, Maker] = {
    "a.png": lambda path: path.write_bytes(encoded(picture(), "PNG")),
    "a.jpg": lambda path: path.write_bytes(encoded(picture(), "JPEG")),
    "a.webp": lambda path: path.write_bytes(encoded(picture(), "WEBP", lossless=True)),
    "a.gif": lambda path: path.write_bytes(encoded(picture(mode="P"), "GIF")),
    "moving.webp": lambda path: path.write_bytes(animation("WEBP")),
    "moving.png": lambda path: path.write_bytes(animation("PNG")),
    "film.mp4": lambda path: film(path, "libx264"),
    "film.webm": lambda path: film(path, "libvpx-vp9"),
    "sound.flac": lambda path: sound(path, "flac"),
    "sound.mp3": lambda path: sound(path, "libmp3lame"),
    "text.txt": lambda path: path.write_text("grüße 🎨", "utf-8"),
    "a.latent": lambda path: path.write_bytes(b"\x01\x02"),
}
