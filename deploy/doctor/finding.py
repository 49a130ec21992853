"""A finding is one line: what was looked at, whether it is well, and what to do if it is not."""

from enum import StrEnum
from typing import NamedTuple


class Mark(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, and will not for ever, or not as somebody meant it
    TROUBLE = "trouble"  # something does not work


class Finding(NamedTuple):
    """`subject` is what was looked at, `text` what was found there, `advice` what to do about it."""

    subject: str
    mark: Mark
    text: str
    advice: str = ""

    def __str__(self) -> str:
        told = f"{self.mark:<8} {self.subject}: {self.text}"
        return f"{told.rstrip('.')}. {self.advice}" if self.advice else told


def ok(subject: str, text: str) -> Finding:
    return Finding(subject, Mark.OK, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, Mark.WARNING, text, advice)


def trouble(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, Mark.TROUBLE, text, advice)
