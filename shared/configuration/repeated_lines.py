"""A line that is logged over and over is written a few times and then counted, so that no fault fills a disk."""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TextIO

WRITTEN = 20  # times that the same line is written in one WINDOW_S
WINDOW_S = 10.0
REMEMBERED = 500  # different lines; beyond that the oldest is forgotten, and its count written
LONGEST_KEY = 500  # characters in which two lines must differ
MOST_PARTS = 20
# What differs in lines that say the same.
PASSED_OVER = {
    *("timestamp", "request_id", "trace_id", "elapsed_ms"),
    *("exc_info", "_record", "_from_structlog", "_logger", "_name"),
}


@dataclass
class Repeated:
    """A line since it was first seen in this window."""

    record: logging.LogRecord
    until: float
    seen: int = 0

    @property
    def left_out(self) -> int:
        return max(0, self.seen - WRITTEN)


@dataclass
class Repeats:
    """The warnings and errors of the last seconds. What is only information is never left out."""

    lines: OrderedDict[tuple[str, int, str], Repeated] = field(default_factory=OrderedDict)

    def passes(self, record: logging.LogRecord, now: float) -> bool:
        """Whether to write it, or only to count it."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, record.levelno, text_of(record)[:LONGEST_KEY])
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = Repeated(record, now + WINDOW_S)
        line.seen += 1
        return line.seen <= WRITTEN

    def over(self, now: float) -> Iterator[logging.LogRecord]:
        """A record for each line that was left out, once its window is over, or there are too many lines."""
        while self.lines:
            key, line = next(iter(self.lines.items()))
            if line.until > now and len(self.lines) <= REMEMBERED:
                return
            del self.lines[key]
            if line.left_out:
                yield summary_of(line)


def text_of(record: logging.LogRecord) -> str:
    """What the line says, without what differs each time."""
    if isinstance(record.msg, Mapping):
        facts = {name: value for name, value in record.msg.items() if name not in PASSED_OVER}
        return str(sorted((name, cut(value)) for name, value in facts.items()))
    return cut(record.msg) + cut(record.args)


def cut(value: Any, *, is_part: bool = False) -> str:
    """The beginning of a value as text: whoever has a say in it does not make this slow."""
    match value:
        case str() | bytes():
            return str(value[:LONGEST_KEY])
        case tuple() | list() | dict() if is_part or not value:
            return f"{type(value).__name__} of {len(value)}"
        case tuple() | list() | dict():
            return str([cut(item, is_part=True) for item in islice(value, MOST_PARTS)])
        case _:
            return str(value)[:LONGEST_KEY]


def summary_of(line: Repeated) -> logging.LogRecord:
    record = line.record
    said = record.msg.get("event") if isinstance(record.msg, Mapping) else record.msg
    summary = logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, "log.repeated", None, None)
    summary.__dict__.update(of=cut(said), left_out=line.left_out, within_s=WINDOW_S)
    return summary


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes lines, and counts those that repeat."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        for summary in self.repeats.over(now):
            super().emit(summary)
        if self.repeats.passes(record, now):
            super().emit(record)

    def close(self) -> None:
        """The counts of the last seconds are written at the end of the process."""
        for summary in self.repeats.over(float("inf")):
            super().emit(summary)
        super().close()
