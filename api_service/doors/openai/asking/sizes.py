"""How large a picture is to be: as it is asked for, or as the one that it is made from."""

import re
from typing import NamedTuple

from shared.workflows.parameters import LARGEST_SIDE as LARGEST
from shared.workflows.parameters import SIDE_STEP as STEP
from shared.workflows.parameters import SMALLEST_SIDE as SMALLEST

WRITTEN = re.compile(r"(\d{1,5})[xX](\d{1,5})")
AUTO = "auto"


class Size(NamedTuple):
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


USUAL = Size(1024, 1024)


def plain_size(value: str) -> str:
    """A size as it is asked for. Raises ValueError."""
    if value == AUTO:
        return value
    found = WRITTEN.fullmatch(value)
    if found is None:
        raise ValueError('must be "auto", or width and height such as "1024x1024"')
    if any(not SMALLEST <= int(side) <= LARGEST or int(side) % STEP for side in found.groups()):
        raise ValueError(f"each side must be {SMALLEST} to {LARGEST} pixels, in steps of {STEP}")
    return value


def size_of(asked: str | None, given: Size | None = None) -> Size:
    """The size that is meant: without one it is that of the picture that is given, as far as that can be, or 1024."""
    if asked in {None, AUTO}:
        return USUAL if given is None else within_bounds(given)
    width, height = re.split("[xX]", str(asked))
    return Size(int(width), int(height))


def within_bounds(size: Size) -> Size:
    """The size with the same proportions, as far as a job takes it."""
    longest, shortest = max(size), min(size)
    factor = min(LARGEST / longest, max(1.0, SMALLEST / shortest))
    return Size(*(min(LARGEST, max(SMALLEST, round(side * factor / STEP) * STEP)) for side in size))
