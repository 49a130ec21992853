"""A file that says how long it is, is held to it; one that was written to a pipe says nothing, and is whole."""

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import av
import pytest
from PIL import Image

from shared.jobs.errors import OutputCorrupt
from worker_service.media.pool import MediaPool
from worker_service.media.stated_lengths import bytes_missing

SAMPLES = 1000
FMT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 44_100, 88_200, 2, 16)


def wav(said: int = 2 * SAMPLES, riff: int | None = None) -> bytes:
    content = b"WAVE" + FMT + struct.pack("<4sI", b"data", said) + b"\1\0" * SAMPLES
    return struct.pack("<4sI", b"RIFF", len(content) if riff is None else riff) + content


def long_wav(said: int = 2 * SAMPLES) -> bytes:
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, 0, said, SAMPLES, 0)
    content = b"WAVE" + sizes + FMT + struct.pack("<4sI", b"data", 0xFFFF_FFFF) + b"\1\0" * SAMPLES
    return struct.pack("<4sI", b"RF64", 0xFFFF_FFFF) + content


def aiff(said: int = 2 * SAMPLES + 8) -> bytes:
    form = struct.pack(">4sIhIh10s", b"COMM", 18, 1, SAMPLES, 16, b"\x40\x0e\xac\x44")
    content = b"AIFF" + form + struct.pack(">4sI", b"SSND", said) + bytes(8 + 2 * SAMPLES)
    return struct.pack(">4sI", b"FORM", len(content)) + content


def glb() -> bytes:
    scene = json.dumps({"asset": {"version": "2.0"}}).encode().ljust(40)
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(scene), len(scene), 0x4E4F_534A) + scene


def safetensors(header: Any = None) -> bytes:
    header = header or {"__metadata__": {"a": "b"}, "x": {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}}
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + bytes(64)


def stl() -> bytes:
    return bytes(80) + struct.pack("<I", 3) + bytes(150)


def boxes(*named: tuple[bytes, bytes]) -> bytes:
    return b"".join(struct.pack(">I4s", 8 + len(content), name) + content for name, content in named)


def archive(folder: Path) -> bytes:
    with ZipFile(folder / "made.zip", "w") as made:
        made.writestr("a.txt", "a" * 1000)
    return (folder / "made.zip").read_bytes()


def moving(folder: Path) -> bytes:
    # The same each time: drawn anew, a cut falls between two frames now and then, where nothing is missing.
    frames = [Image.frombytes("P", (16, 16), random.Random(number).randbytes(256)) for number in range(3)]
    frames[0].save(folder / "made.gif", save_all=True, append_images=frames[1:])
    return (folder / "made.gif").read_bytes()[:-1]  # some who write them leave the last sign out


def film(name: str, codec: str, **options: str) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        with av.open(str(folder / f"made-{name}"), "w", options=options) as container:
            stream: Any = container.add_stream(codec, rate=24)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            for number in range(8):
                noise = Image.effect_noise((32, 32), 50 + number).convert("RGB")
                frame = av.VideoFrame.from_image(noise)  # type: ignore[no-untyped-call]  # av's own
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return (folder / f"made-{name}").read_bytes()

    return made


def sound(folder: Path) -> bytes:
    with av.open(str(folder / "made.opus"), "w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame(format="flt", layout="mono", samples=48_000)
        frame.sample_rate, frame.pts = 48_000, 0
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return (folder / "made.opus").read_bytes()


KINDS: dict[str, Callable[[Path], bytes]] = {
    "a.wav": lambda _: wav(),
    "long.wav": lambda _: long_wav(),
    "a.aiff": lambda _: aiff(),
    "a.glb": lambda _: glb(),
    "a.safetensors": lambda _: safetensors(),
    "a.latent": lambda _: safetensors(),
    "a.stl": lambda _: stl(),
    "a.zip": archive,
    "a.gif": moving,
    "a.mkv": film("a.mkv", "libx264"),
    "a.mp4": film("a.mp4", "libx264", movflags="faststart"),
    "a.opus": sound,
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_whole_until_a_byte_is_missing(name: str, tmp_path: Path, pool: MediaPool) -> None:
    file, content = tmp_path / name, KINDS[name](tmp_path)
    file.write_bytes(content)
    pool.examine(file, name)
    assert bytes_missing(file, file.suffix) is None
    file.write_bytes(content + b"\0whatever a node has put behind it")
    assert bytes_missing(file, file.suffix) is None
    for cut in (1, len(content) // 3):
        file.write_bytes(content[:-cut])
        with pytest.raises(OutputCorrupt, match=f"it ends after {len(content) - cut} bytes of "):
            pool.examine(file, name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.wav", wav(said=0, riff=0)),
        ("a.wav", wav(said=0xFFFF_FFFF, riff=0xFFFF_FFFF)),
        ("a.wav", wav(said=0x7FFF_FFFF)),
        ("a.wav", wav(said=0x7FFF_F000)),
        ("a.wav", wav(riff=0xFFFF_FFFF)),
        ("a.wav", wav(riff=2 * SAMPLES + 100)),  # counted with its own eight bytes
        ("a.wav", long_wav(said=0)),
        ("a.wav", long_wav(said=2**64 - 1)),
        ("a.aiff", aiff(said=0)),
        ("a.aiff", aiff(said=0xFFFF_FFFF)),
        ("a.mp4", boxes((b"ftyp", b"isom"), (b"moov", b"")) + struct.pack(">I4s", 0, b"mdat") + b"to the end"),
        ("a.mp4", boxes((b"ftyp", b"isom"), (b"mdat", b"x")) + struct.pack(">I4s", 999, b"junk")),
        ("a.mkv", b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7 + b"live"),
        ("a.mkv", b"\x1aE\xdf\xa3"),
        ("a.ogg", b"OggS" + bytes(22) + b"\x01\x05hello" + b"and something else"),
        ("a.gif", b"GIF89a" + bytes(7) + b"?"),
        ("a.safetensors", struct.pack("<Q", 200_000_000) + b"{"),
        ("a.safetensors", safetensors({"x": {"data_offsets": "far"}})),
        ("a.safetensors", safetensors({"x": {"data_offsets": [0, None]}})),
        ("a.safetensors", safetensors({"x": 1})),
        ("a.safetensors", b"{}"),
        ("a.stl", b"solid of text" + bytes(80)),
        ("a.bin", b"RIFF"),
    ],
)
def test_a_file_that_does_not_say_how_long_it_is_is_not_held_to_it(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert bytes_missing(file, file.suffix) is None


@pytest.mark.parametrize(
    "start", [b"GIF89a" + b"\xff" * 7, b"OggS", b"\0\0\0\x08ftyp", b"\x1aE\xdf\xa3", b"RIFF1234WAVE"]
)
@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"!", b",", b"OggS", b"\0\0\0\1moov"])
def test_whatever_stands_behind_a_good_start_is_looked_through_without_an_error(
    start: bytes, filling: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "a.odd"
    file.write_bytes(start + filling * 5000)
    bytes_missing(file, ".odd")
