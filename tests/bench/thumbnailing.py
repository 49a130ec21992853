"""Thumbnails: pictures a second, against Pillow doing no more than decoding once and encoding each size."""

import io
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from shared.models import OutputKind
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place
from worker_service.thumbnails import QUALITY, SIZES, thumbnails

PNG, JPEG = "thumbnails of a PNG of 1024x1024, pictures/s", "thumbnails of a JPEG of 4096x4096, pictures/s"


def picture(folder: Path, name: str, side: int) -> Path:
    """A picture with as much detail as a generated one has, more or less: noise made large."""
    noise = Image.frombytes("RGB", (side // 8, side // 8), random.Random(1).randbytes(3 * (side // 8) ** 2))
    file = folder / name
    noise.resize((side, side), Image.Resampling.BICUBIC).save(file)
    return file


def with_ours(file: Path, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        assert len(list(thumbnails(file, OutputKind.IMAGE))) == len(SIZES)
    return times / (time.perf_counter() - started)


def with_pillow(file: Path, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        with Image.open(file) as image:
            image.draft("RGB", (max(SIZES), max(SIZES)))
            small = image.convert("RGB")
        for size in sorted(SIZES, reverse=True):
            small = small.resize((size, size), Image.Resampling.LANCZOS)
            small.save(io.BytesIO(), "WEBP", quality=QUALITY, method=4)
    return times / (time.perf_counter() - started)


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    times = place.few(10, 1)
    folder = place.folder / "pictures"
    folder.mkdir(exist_ok=True)
    files = {PNG: picture(folder, "a.png", 1024), JPEG: picture(folder, "a.jpg", 4096)}
    yield lambda: {name: Round(with_ours(file, times), with_pillow(file, times)) for name, file in files.items()}


THUMBNAILING = Bench(
    tuple(Figure(name, "1/s", "Pillow alone", ">= 0.9") for name in (PNG, JPEG)),
    opened,
)
