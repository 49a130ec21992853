"""Files are named highest existing number + 1 and written in place, so a reader can meet half of one."""

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"})

# What a file name may ask for besides %width% and %height%.
CLOCK_WORDS = {
    "%year%": "%Y",
    "%month%": "%m",
    "%day%": "%d",
    "%hour%": "%H",
    "%minute%": "%M",
    "%second%": "%S",
}


class OutsideFolderError(Exception):
    """A file name prefix leads out of the folder it must stay in."""

    reported_as = "Exception"


@dataclass(frozen=True)
class Place:
    """Where the next file of a prefix goes."""

    folder: Path
    subfolder: str
    stem: str
    number: int

    def name(self, offset: int, suffix: str, batch_number: int = 0) -> str:
        stem = self.stem.replace("%batch_num%", str(batch_number))
        return f"{stem}_{self.number + offset:05}_.{suffix}"


@dataclass(frozen=True)
class Folders:
    """The three folders clients can name by `type`."""

    output: Path
    temp: Path
    input: Path

    def prepared(self) -> "Folders":
        """Make the folders; temporary files do not outlive a start."""
        shutil.rmtree(self.temp, ignore_errors=True)
        for folder in (self.output, self.temp, self.input):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    def emptied(self) -> None:
        for folder in (self.output, self.input):
            shutil.rmtree(folder, ignore_errors=True)
        self.prepared()

    def by_type(self, name: str) -> Path | None:
        return {"output": self.output, "temp": self.temp, "input": self.input}.get(name)

    def input_images(self) -> list[str]:
        return sorted(
            file.name for file in self.input.iterdir() if file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES
        )

    def next_place(self, kind: str, prefix: str, size: tuple[int, int]) -> Place:
        """The place after the highest number in use, made if missing; OutsideFolderError if it lies elsewhere."""
        root = self.by_type(kind) or self.output
        wanted = Path(os.path.normpath(_filled(prefix, size)))
        subfolder = "" if str(wanted.parent) == "." else str(wanted.parent)
        folder = Path(os.path.abspath(root / subfolder))  # noqa: PTH100  # resolve() would follow links
        _stay_inside(root, folder)
        taken = _highest_number(folder, wanted.name)
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        return Place(folder, subfolder, wanted.name, taken + 1)


def without_annotation(name: str, kind: str) -> tuple[str, str]:
    """A name like "x.png [temp]" says itself which folder it is in."""
    for annotated in ("output", "input", "temp"):
        if name.endswith(f"[{annotated}]"):
            return name.removesuffix(f"[{annotated}]").rstrip(), annotated
    return name, kind


def write_in_place(file: Path, payload: bytes, halfway: Callable[[], None]) -> None:
    """Write a file where it is to stay, with a stop when half of it can be read."""
    middle = len(payload) // 2
    with file.open("wb", buffering=0) as target:
        target.write(payload[:middle])
        halfway()
        target.write(payload[middle:])


def _filled(prefix: str, size: tuple[int, int]) -> str:
    prefix = prefix.replace("%width%", str(size[0])).replace("%height%", str(size[1]))
    for word, form in CLOCK_WORDS.items():
        if word in prefix:
            prefix = prefix.replace(word, time.strftime(form))
    return prefix


def _stay_inside(root: Path, folder: Path) -> None:
    common = os.path.commonpath((root, folder))
    if common != str(root):
        raise OutsideFolderError(
            "**** ERROR: Saving image outside the output folder is not allowed."
            f"\n full_output_folder: {folder}\n         output_dir: {root}\n         commonpath: {common}"
        )


def _highest_number(folder: Path, stem: str) -> int:
    if not folder.is_dir():
        return 0
    pattern = re.compile(re.escape(stem) + r"_(\d+)_")
    matches = (pattern.match(name) for name in os.listdir(folder))  # noqa: PTH208  # names alone: folders grow large
    return max((int(match[1]) for match in matches if match), default=0)
