"""Nothing sound is called damaged: a file is held to what its own header states, and to nothing else."""

import random
import struct
from pathlib import Path
from typing import Any

import av
import pytest

from shared.jobs.errors import OutputCorrupt
from shared.models import OutputKind
from tests.worker_service.media.pictures import encoded, film, picture
from worker_service.media.file_headers import states_its_length
from worker_service.media.pool import MediaPool


def quiet_and_then_loud(path: Path, *, states_length: bool) -> None:
    """A sound whose first frames need fewer bits than the others."""
    chance = random.Random(1)
    with av.open(str(path), "w", options={"write_xing": str(int(states_length))}) as container:
        stream: Any = container.add_stream("libmp3lame", rate=44_100)
        stream.codec_context.flags |= 2  # a quality instead of a rate
        stream.codec_context.global_quality = 472
        for number in range(400):
            frame = av.AudioFrame(format="s16p", layout="stereo", samples=1152)
            frame.sample_rate, frame.pts = 44_100, number * 1152
            for plane in frame.planes:
                plane.update(chance.randbytes(plane.buffer_size) if number > 300 else bytes(plane.buffer_size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def tiff_of_floats() -> bytes:
    """A picture of 4x4 px, each colour a float of 32 bits, which Pillow does not read."""
    pixels = struct.pack("<48f", *[0.5] * 48)
    tags = [(256, 3, 4), (257, 3, 4), (259, 3, 1), (262, 3, 2), (277, 3, 3), (278, 3, 4), (279, 4, len(pixels))]
    size = 2 + 12 * (len(tags) + 3) + 4
    after = 8 + size
    entries = [struct.pack("<HHIHH", tag, kind, 1, value, 0) for tag, kind, value in tags]
    entries += [
        struct.pack("<HHII", 258, 3, 3, after),
        struct.pack("<HHII", 273, 4, 1, after + 12),
        struct.pack("<HHII", 339, 3, 3, after + 6),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(sorted(entries)) + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<6H", 32, 32, 32, 3, 3, 3) + pixels


def wav(samples: int, *, said: int, odd_part: bool = False) -> bytes:
    """A WAV of so many samples whose header speaks of `said`."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 44_100, 88_200, 2, 16)
    parts = b"WAVE" + (struct.pack("<4sI", b"JUNK", 3) + b"abc\0") * odd_part + form
    content = parts + struct.pack("<4sI", b"data", 2 * said) + bytes(2 * samples)
    return struct.pack("<4sI", b"RIFF", len(content)) + content


@pytest.mark.parametrize("odd_part", [False, True])
def test_a_sound_that_says_it_has_no_sample_is_whole_without_any(
    odd_part: bool, tmp_path: Path, pool: MediaPool
) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(wav(0, said=0, odd_part=odd_part))
    media = pool.examine(file, file.name).media
    assert (media.kind, media.media_type, media.duration_ms) == (OutputKind.AUDIO, "audio/wav", 0)


@pytest.mark.parametrize("odd_part", [False, True])
def test_a_sound_that_says_it_has_samples_is_damaged_without_any(
    odd_part: bool, tmp_path: Path, pool: MediaPool
) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(wav(0, said=44_100, odd_part=odd_part))
    with pytest.raises(OutputCorrupt, match="it ends after"):
        pool.examine(file, file.name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_stands_behind_a_picture_is_no_damage(kind: str, tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / f"a.{kind.lower()}"
    image = picture(mode="P") if kind == "GIF" else picture()
    file.write_bytes(encoded(image, kind) + b"whatever a node has put there")
    assert pool.examine(file, file.name).media.width == 64


def test_a_picture_of_another_kind_than_its_name_says_is_that_kind(tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded(picture(), "PNG"))
    assert pool.examine(file, "a.jpg").media.media_type == "image/png"


@pytest.mark.parametrize("cut", [1, 8, 12, 20])
def test_a_png_that_was_cut_off_within_its_last_chunk_is_corrupt(cut: int, tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(picture(), "PNG")[:-cut])
    with pytest.raises(OutputCorrupt, match="last chunk"):
        pool.examine(file, "a.png")


def test_a_tiff_of_pixels_that_nobody_here_decodes_is_kept_with_a_note(tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / "a.tiff"
    file.write_bytes(tiff_of_floats())
    media = pool.examine(file, "a.tiff").media
    assert (media.kind, media.media_type, bool(media.undecoded)) == (OutputKind.IMAGE, "image/tiff", True)
    file.write_bytes(tiff_of_floats()[:6])
    with pytest.raises(OutputCorrupt):
        pool.examine(file, "a.tiff")


def test_an_mp3_that_does_not_say_how_long_it_is_is_not_held_to_a_guess(tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / "a.mp3"
    quiet_and_then_loud(file, states_length=False)
    with av.open(str(file)) as container:
        assert (container.duration or 0) / av.time_base > 12, "the guess is far off"
    assert not states_its_length(file, "mp3")
    assert pool.examine(file, "a.mp3").media.duration_ms == pytest.approx(10_450, abs=100)


def test_an_mp3_that_says_how_long_it_is_is_held_to_that(tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / "a.mp3"
    quiet_and_then_loud(file, states_length=True)
    assert states_its_length(file, "mp3")
    pool.examine(file, "a.mp3")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(OutputCorrupt):
        pool.examine(file, "a.mp3")


def test_a_film_that_nobody_here_decodes_is_kept_with_a_note(tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / "a.mp4"
    film(file, "libx264")
    file.write_bytes(file.read_bytes().replace(b"avc1", b"zzz1"))
    media = pool.examine(file, "a.mp4").media
    assert (media.kind, media.media_type, bool(media.undecoded)) == (OutputKind.VIDEO, "video/mp4", True)


@pytest.mark.parametrize(("name", "content"), [("a.png", b"<html>"), ("a.mp4", b"ffconcat version 1.0\nfile x.png\n")])
def test_an_error_names_no_path_of_ours(name: str, content: bytes, tmp_path: Path, pool: MediaPool) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(OutputCorrupt) as caught:
        pool.examine(file, name)
    assert str(tmp_path) not in str(caught.value)
