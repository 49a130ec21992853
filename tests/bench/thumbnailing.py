"""Pictures that are verified and made small, a second of CPU, against Pillow decoding once and encoding each size."""

import io
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place
from worker_service.media.examine import examine
from worker_service.media.findings import SIZES
from worker_service.media.thumbnails import FILTER, JPEG

OF_PNG, OF_JPEG = "thumbnails of a PNG of 1024x1024, pictures/s", "thumbnails of a JPEG of 4096x4096, pictures/s"


def picture(folder: Path, name: str, side: int) -> Path:
    """A picture with as much detail as a generated one has, more or less: noise made large."""
    noise = Image.frombytes("RGB", (side // 8, side // 8), random.Random(1).randbytes(3 * (side // 8) ** 2))
    file = folder / name
    noise.resize((side, side), Image.Resampling.BICUBIC).save(file)
    return file


def with_ours(file: Path) -> None:
    assert len(examine(file, file.suffix).thumbnails) == len(SIZES)


def with_pillow(file: Path) -> None:
    """The same for this picture, which is upright, opaque and without a colour profile, as ComfyUI's are."""
    with Image.open(file) as image:
        small = image.convert("RGB")
    for size in sorted(SIZES, reverse=True):
        small = small.resize((size, size), FILTER)
        small.save(io.BytesIO(), "JPEG", **JPEG)


def compared(file: Path, times: int) -> Round:
    """Pictures a second of CPU time, ours and Pillow's, made in turn: whatever else the machine does is left out."""
    took = {with_ours: 0.0, with_pillow: 0.0}
    for _ in range(times):
        for make in took:
            started = time.process_time()
            make(file)
            took[make] += time.process_time() - started
    return Round(times / took[with_ours], times / took[with_pillow])


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    times = place.few(10, 1)
    folder = place.folder / "pictures"
    folder.mkdir(exist_ok=True)
    files = {OF_PNG: picture(folder, "a.png", 1024), OF_JPEG: picture(folder, "a.jpg", 4096)}
    yield lambda: {name: compared(file, times) for name, file in files.items()}


THUMBNAILING = Bench(
    tuple(Figure(name, "1/s", "Pillow alone", ">= 0.9") for name in (OF_PNG, OF_JPEG)),
    opened,
)
