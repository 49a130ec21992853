"""A hostile file opens no other file, and costs no more than one may; what is found of it is true."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.jobs.errors import OutputCorrupt
from tests.worker_service.media import hostile
from tests.worker_service.media.pictures import FILES, film
from worker_service.media.findings import Examined
from worker_service.media.kinds import DECODED, DEMUXERS
from worker_service.media.limits import Limits
from worker_service.media.pool import MediaPool

Examine = Callable[[str, bytes], Examined]


@pytest.fixture
def examine(pool: MediaPool, tmp_path: Path) -> Examine:
    def of(name: str, content: bytes) -> Examined:
        file = tmp_path / "output"
        file.write_bytes(content)
        return pool.examine(file, name)

    return of


@pytest.mark.parametrize("suffix", sorted(DECODED))
def test_a_file_that_names_others_has_none_of_them_opened(suffix: str, examine: Examine, tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", "libx264")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        for text in hostile.LISTS.values():
            with pytest.raises(OutputCorrupt):
                examine(f"a{suffix}", text.format(film=tmp_path / "film.mp4", url=url).encode())
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("name", "ending", "media_type"),
    [("film.mp4", ".webm", "video/mp4"), ("film.webm", ".mp4", "video/x-matroska"), ("sound.flac", ".mp3", None)],
)
def test_what_a_film_is_its_bytes_say_and_not_its_name(
    name: str, ending: str, media_type: str | None, examine: Examine, tmp_path: Path
) -> None:
    FILES[name](tmp_path / name)
    found = examine(f"a{ending}", (tmp_path / name).read_bytes()).media
    assert found.media_type == (media_type or "audio/mpeg")
    assert found.duration_ms == pytest.approx(1000, abs=50)


def test_every_film_and_sound_has_a_demuxer_and_no_list_of_files_is_one() -> None:
    assert set(DEMUXERS.values()) == {"mov", "matroska", "flac", "mp3", "ogg", "wav"}


TOO_LARGE = "the image is too large to decode"
NOT_EXAMINED = "it cannot be examined within limits"


@pytest.mark.broad
@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.png", lambda: hostile.png(60_000, 60_000), TOO_LARGE),
        ("a.png", lambda: hostile.png(2**31 - 1, 2**31 - 1), TOO_LARGE),
        ("a.png", lambda: hostile.png_of_text(80), f"{NOT_EXAMINED}: Decompressed data too large"),
        ("a.png", lambda: hostile.apng(2**31 - 1), f"{NOT_EXAMINED}: it has 2147483647 pictures"),
        ("a.gif", lambda: hostile.gif(100_000), f"{NOT_EXAMINED}: it has 100000 pictures"),
        ("a.webp", lambda: hostile.webp(100_000), f"{NOT_EXAMINED}: it has 100000 pictures"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_a_picture_that_explodes_is_not_decoded_and_says_why(
    name: str, content: Callable[[], bytes], why: str, examine: Examine
) -> None:
    media, thumbnails, note = examine(name, content())
    assert note is not None
    assert note.startswith(why)
    assert (media.kind, media.undecoded, thumbnails) == ("image", note, ())


def test_a_picture_that_lacks_its_pixels_is_damaged(examine: Examine) -> None:
    for side in (1, 9000):
        with pytest.raises(OutputCorrupt):
            examine("a.png", hostile.png(side, side))


def test_a_picture_that_lacks_a_frame_is_damaged(examine: Examine) -> None:
    with pytest.raises(OutputCorrupt):
        examine("a.png", hostile.apng(5))


def test_a_long_workflow_in_a_picture_is_no_damage(examine: Examine) -> None:
    assert len(examine("a.png", hostile.png_of_text(5)).thumbnails) == 3


@pytest.mark.parametrize("scale", [0, 1, 0xFFFFFFFF])
def test_a_film_whose_clock_is_absurd_lasts_what_its_frames_do(scale: int, examine: Examine, tmp_path: Path) -> None:
    absurd = hostile.film_with(tmp_path, "mp4", hostile.lasting(scale=scale, duration=0xFFFFFFFF))
    media, thumbnails, _ = examine("a.mp4", absurd)
    assert media.duration_ms is not None
    assert 0 <= media.duration_ms < 2**31
    assert len(thumbnails) == 3


def test_a_film_that_lasts_longer_than_any_column_holds_is_not_examined(examine: Examine, tmp_path: Path) -> None:
    media, _, note = examine("a.mp4", hostile.film_with(tmp_path, "mp4", hostile.with_slow_frames))
    assert (media.kind, media.duration_ms) == ("video", None)
    assert str(note).startswith(f"{NOT_EXAMINED}: it says that it lasts ")


@pytest.mark.broad
def test_a_film_of_large_pictures_is_not_decoded(examine: Examine, tmp_path: Path) -> None:
    media, _, note = examine("a.mov", hostile.film_with(tmp_path, "mov", hostile.of_side(16_000)))
    assert (media.media_type, media.undecoded) == ("video/quicktime", note)
    assert note == f"{NOT_EXAMINED}: its pictures are too large to decode: 16000x16000 px"


def test_a_film_whose_pictures_grow_is_damaged(examine: Examine, tmp_path: Path) -> None:
    with pytest.raises(OutputCorrupt):
        examine("a.mov", hostile.film_with(tmp_path, "mov", hostile.growing))


def test_a_sound_that_is_shorter_than_it_says_is_damaged(examine: Examine, tmp_path: Path) -> None:
    with pytest.raises(OutputCorrupt, match=r"it ends after 0\.99 s of 1558264\.78 s"):
        examine("a.flac", hostile.endless_flac(tmp_path))


@pytest.mark.broad
def test_a_small_file_of_many_hours_costs_no_more_time_than_one_may(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_bytes(hostile.long_opus(255 * 1200))
    pool = MediaPool(1, Limits(cpu_s=1))
    media, _, note = pool.examine(file, "a.opus")
    assert (media.kind, media.media_type) == ("audio", "audio/ogg")
    assert note == f"{NOT_EXAMINED}: it takes more than 1 s of processor time"
    file.write_bytes(hostile.long_opus(100))
    assert pool.examine(file, "a.opus").media.duration_ms == 6000
    pool.close()


@pytest.mark.broad
def test_a_picture_that_needs_too_much_memory_harms_nothing(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_bytes(hostile.png(9000, 9000, bytes((9000 * 3 + 1) * 9000)))
    pool = MediaPool(1, Limits(memory_bytes=200 << 20))
    for _ in range(2):
        assert pool.examine(file, "a.png").note == f"{NOT_EXAMINED}: it needs more than 200 MiB of memory"
    pool.close()
