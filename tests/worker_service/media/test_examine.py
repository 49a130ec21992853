"""A whole file passes with its facts, and a damaged one never does."""

import random
from pathlib import Path

import pytest

from shared.jobs.errors import OutputCorrupt
from shared.models import OutputKind
from tests.worker_service.media.pictures import FILES, encoded, picture
from worker_service.media.findings import MediaInfo
from worker_service.media.pool import MediaPool

EXPECTED = {
    "a.png": MediaInfo(OutputKind.IMAGE, "image/png", 64, 48),
    "a.jpg": MediaInfo(OutputKind.IMAGE, "image/jpeg", 64, 48),
    "a.webp": MediaInfo(OutputKind.IMAGE, "image/webp", 64, 48),
    "a.gif": MediaInfo(OutputKind.IMAGE, "image/gif", 64, 48),
    "moving.webp": MediaInfo(OutputKind.ANIMATION, "image/webp", 64, 48),
    "moving.png": MediaInfo(OutputKind.ANIMATION, "image/apng", 64, 48),
    "film.mp4": MediaInfo(OutputKind.VIDEO, "video/mp4", 64, 48, 1000),
    "film.webm": MediaInfo(OutputKind.VIDEO, "video/webm", 64, 48, 1000),
    "text.txt": MediaInfo(OutputKind.TEXT, "text/plain; charset=utf-8"),
    "a.latent": MediaInfo(OutputKind.OTHER, "application/octet-stream"),
}


def made(name: str, folder: Path) -> Path:
    FILES[name](folder / name)
    return folder / name


@pytest.mark.parametrize("name", EXPECTED)
def test_a_whole_file_passes_with_its_facts(name: str, tmp_path: Path, pool: MediaPool) -> None:
    assert pool.examine(made(name, tmp_path), name).media == EXPECTED[name]


def test_whatever_can_be_seen_has_thumbnails_and_else_a_note_says_why_not(tmp_path: Path, pool: MediaPool) -> None:
    found = {name: pool.examine(made(name, tmp_path), name) for name in FILES}
    seen = {name for name, examined in found.items() if examined.thumbnails}
    assert seen == {"a.png", "a.jpg", "a.webp", "a.gif", "moving.webp", "moving.png", "film.mp4", "film.webm"}
    assert all(len(found[name].thumbnails) == 3 and found[name].note is None for name in seen)
    notes = {name: found[name].note for name in found.keys() - seen}
    assert notes == {
        "sound.flac": "audio outputs have no picture",
        "sound.mp3": "audio outputs have no picture",
        "text.txt": "text outputs have no picture",
        "a.latent": "other outputs have no picture",
    }


@pytest.mark.parametrize(("name", "media_type"), [("sound.flac", "audio/flac"), ("sound.mp3", "audio/mpeg")])
def test_a_whole_sound_passes_with_its_length(name: str, media_type: str, tmp_path: Path, pool: MediaPool) -> None:
    media = pool.examine(made(name, tmp_path), name).media
    assert (media.kind, media.media_type) == (OutputKind.AUDIO, media_type)
    assert media.duration_ms == pytest.approx(1000, abs=50)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8])
@pytest.mark.parametrize("name", [name for name in FILES if name not in {"text.txt", "a.latent"}])
def test_a_file_that_was_cut_off_is_corrupt(name: str, share: float, tmp_path: Path, pool: MediaPool) -> None:
    file = made(name, tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(OutputCorrupt, match=name):
        pool.examine(file, name)


def test_a_png_without_its_last_chunk_is_corrupt_though_all_pixels_are_there(tmp_path: Path, pool: MediaPool) -> None:
    file = made("a.png", tmp_path)
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(OutputCorrupt, match="last chunk"):
        pool.examine(file, "a.png")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.png", b"<html>"), ("a.mp4", b"no film"), ("a.png", b""), ("a.mp3", b"")],
)
def test_a_file_of_another_kind_than_its_name_says_is_corrupt(
    name: str, content: bytes, tmp_path: Path, pool: MediaPool
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(OutputCorrupt):
        pool.examine(file, name)


@pytest.mark.parametrize("name", ["a.latent", "a.glb", "a"])
@pytest.mark.parametrize("content", [b"", b"\0", b"\x89PNG"])
def test_a_file_of_an_unknown_kind_is_taken_as_it_is(
    name: str, content: bytes, tmp_path: Path, pool: MediaPool
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert pool.examine(file, name).media == MediaInfo(OutputKind.OTHER, "application/octet-stream")


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.txt", "grüße 🎨".encode(), "text/plain; charset=utf-8"),
        ("a.txt", b"", "text/plain; charset=utf-8"),
        ("a.txt", "café \u2013 naïve".encode("cp1252"), "text/plain"),
        ("a.txt", "café".encode("utf-16"), "text/plain"),
        ("a.txt", "cut in a charact\u00e9r".encode()[:-2], "text/plain"),
        ("a.srt", b"1\n\xff", "text/plain"),
        ("a.md", b"# a", "text/markdown; charset=utf-8"),
        ("a.json", '{"é": 1}'.encode("cp1252"), "application/json"),
        ("a.txt", "é".encode() * 300_000, "text/plain; charset=utf-8"),
    ],
)
def test_a_text_is_sound_whatever_its_characters_and_says_utf_8_only_where_it_is(
    name: str, content: bytes, media_type: str, tmp_path: Path, pool: MediaPool
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert pool.examine(file, name).media == MediaInfo(OutputKind.TEXT, media_type)


@pytest.mark.broad
def test_damage_of_any_sort_is_an_output_corrupt_or_goes_unseen_but_never_anything_else(
    tmp_path: Path, pool: MediaPool
) -> None:
    chance = random.Random(1)
    for name in FILES:
        file = made(name, tmp_path)
        whole = file.read_bytes()
        for _ in range(20):
            damaged = bytearray(whole)
            for _ in range(8):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            file.write_bytes(damaged)
            try:
                pool.examine(file, name)
            except OutputCorrupt:
                continue


def test_an_image_beyond_pillows_limit_is_not_decoded(tmp_path: Path, pool: MediaPool) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(encoded(picture((10_000, 10_000), "1", colour=0), "PNG"))  # the limit is 89,478,485 pixels
    media = pool.examine(bomb, "bomb.png").media
    assert (media.kind, media.media_type, media.width) == (OutputKind.IMAGE, "image/png", None)
    assert media.undecoded is not None
    assert "too large" in media.undecoded


def test_a_bomb_that_was_cut_off_is_corrupt(tmp_path: Path, pool: MediaPool) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(encoded(picture((10_000, 10_000), "1", colour=0), "PNG")[:-20])
    with pytest.raises(OutputCorrupt):
        pool.examine(bomb, "bomb.png")
