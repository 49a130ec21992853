"""Names of numbered things as clients see them: opaque, always the same, and read back without a look into anything.

They hide nothing that is secret: they only keep clients from counting on numbers. A name that is mistyped is most
likely none.
"""

import base64
import re
from typing import NamedTuple

from shared.texts.storable import LARGEST_ID

ODD = 0x9E3779B97F4A7C15F39D  # any odd number has an inverse, so nothing is lost
TEXT = re.compile(r"[a-z2-7]+")


class Form(NamedTuple):
    """How a name looks: what it begins with, and how many bytes are written after that."""

    prefix: str
    size: int

    def name(self, number: int) -> str:
        mixed = self.times(self.folded(self.times(number, ODD)), ODD)
        text = base64.b32encode(mixed.to_bytes(self.size, "big")).decode().lower()
        return f"{self.prefix}{text}"

    def number(self, name: str) -> int | None:
        """The number behind a name; None for what is no such name."""
        text = name.removeprefix(self.prefix)
        if len(name) - len(text) != len(self.prefix) or len(text) != self.bits // 5 or not TEXT.fullmatch(text):
            return None
        inverse = pow(ODD, -1, 1 << self.bits)
        mixed = int.from_bytes(base64.b32decode(text.upper()), "big")
        return self.times(self.folded(self.times(mixed, inverse)), inverse)

    @property
    def bits(self) -> int:
        return 8 * self.size

    def times(self, number: int, factor: int) -> int:
        return number * factor % (1 << self.bits)

    def folded(self, number: int) -> int:
        """The upper half goes into the lower one too. Done twice, it is undone."""
        return number ^ number >> self.bits // 2


JOB = Form("job_", 5)
OUTPUT = Form("out_", 10)


def job_name(job_id: int) -> str:
    return JOB.name(job_id)


def job_id_of(name: str) -> int | None:
    """The job that a name means; None for what is no name of a job."""
    number = JOB.number(name)
    return number if number is not None and 0 < number <= LARGEST_ID else None


class OutputPlace(NamedTuple):
    """Which output of which job."""

    job_id: int
    number: int


def output_name(job_id: int, number: int) -> str:
    return OUTPUT.name(job_id << 32 | number)


def output_of(name: str) -> OutputPlace | None:
    """The job, and the number of its output, that a name means; None for what is no name of an output."""
    whole = OUTPUT.number(name)
    if whole is None:
        return None
    job_id, number = whole >> 32, whole & 0xFFFFFFFF
    return OutputPlace(job_id, number) if 0 < job_id <= LARGEST_ID and number <= LARGEST_ID else None
