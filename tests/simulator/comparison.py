"""What the simulator says is compared with a recording value by value, and what must differ is said in one table."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Names each server makes up: equal names in the recording must be equal names in the answer.
MADE_UP = re.compile(rf"{UUID}|ComfyUI_temp_[a-z]{{5}}|\b[0-9a-f]{{32}}\b|\"[0-9a-f]{{16}}-[0-9a-f]+\"")


def _both_times(recorded: Any, answered: Any) -> bool:
    return isinstance(recorded, int) and isinstance(answered, int)


def _both_tracebacks(recorded: Any, answered: Any) -> bool:
    """The lines of each server's own source."""
    return bool(recorded) and bool(answered) and all(isinstance(line, str) for line in answered)


# Fields whose values differ from run to run, with what is still asked of them.
DIFFERING: Mapping[str, Callable[[Any, Any], bool]] = {
    "timestamp": _both_times,
    "create_time": _both_times,
    "execution_start_time": _both_times,
    "execution_end_time": _both_times,
    "traceback": _both_tracebacks,
}
# Lists that are sets on the server: their order is chance.
UNORDERED = frozenset({"executed", "current_outputs", "errors"})
# Texts of the real server that are not part of the protocol.
LEFT_OUT = frozenset({"tooltip", "description", "output_tooltips"})
# Values of Python objects, printed.
PRINTED = "tensor("
# Of a file's first 32 bytes, those that do not depend on what is in it, by how they begin.
FIXED_BYTES = {"89504e47": slice(0, 64), "ffd8ffe0": slice(0, 64), "52494646": slice(16, 24), "664c6143": slice(0, 8)}


class DifferenceError(AssertionError):
    """The answer is not like the recording."""


@dataclass
class Likeness:
    """Compares answers with a recording, and learns which made-up name stands for which.

    `folders` says which of this machine's folders stand for the recording's.
    """

    differing: ClassVar[Mapping[str, Callable[[Any, Any], bool]]] = DIFFERING
    left_out: ClassVar[frozenset[str]] = LEFT_OUT

    folders: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def check(self, recorded: Any, answered: Any, where: str = "") -> None:
        """DifferenceError says where the two differ."""
        if isinstance(recorded, dict) and isinstance(answered, dict):
            self._check_objects(recorded, answered, where)
        elif isinstance(recorded, list) and isinstance(answered, list):
            if len(recorded) != len(answered):
                raise DifferenceError(f"{where}: {len(recorded)} items recorded, {len(answered)} answered: {answered}")
            for number, (one, other) in enumerate(zip(recorded, answered, strict=True)):
                self.check(one, other, f"{where}[{number}]")
        elif isinstance(recorded, str) and isinstance(answered, str):
            self._check_texts(recorded, answered, where)
        elif type(recorded) is not type(answered) or json.dumps(recorded) != json.dumps(answered):
            raise DifferenceError(f"{where}: {recorded!r} recorded, {answered!r} answered")

    def translated(self, recorded: Any) -> Any:
        """A recorded value with the names this server made up instead."""
        text = json.dumps(recorded)
        for name, ours in self.names.items():
            text = text.replace(json.dumps(name)[1:-1], json.dumps(ours)[1:-1])
        return json.loads(text)

    def _check_objects(self, recorded: dict[str, Any], answered: dict[str, Any], where: str) -> None:
        left_out = self.left_out
        recorded = {self.names.get(name, name): value for name, value in recorded.items() if name not in left_out}
        answered = {name: value for name, value in answered.items() if name not in left_out}
        if recorded.keys() != answered.keys():
            raise DifferenceError(f"{where}: keys {sorted(recorded)} recorded, {sorted(answered)} answered")
        for name, value in recorded.items():
            place, other = f"{where}.{name}", answered[name]
            if name in self.differing:
                if not self.differing[name](value, other):
                    raise DifferenceError(f"{place}: {value!r} recorded, {other!r} answered")
            else:
                self.check_field(name, value, other, place)

    def check_field(self, name: str, recorded: Any, answered: Any, place: str) -> None:
        if name in UNORDERED:
            recorded, answered = sorted(recorded, key=_rank), sorted(answered, key=_rank)
        self.check(recorded, answered, place)

    def _check_texts(self, recorded: str, answered: str, where: str) -> None:
        for ours, theirs in self.folders.items():
            answered = answered.replace(ours, theirs)
        if recorded.startswith(PRINTED) and answered.startswith(PRINTED):
            return
        names, others = MADE_UP.findall(recorded), MADE_UP.findall(answered)
        same = len(names) == len(others) and MADE_UP.sub("", recorded) == MADE_UP.sub("", answered)
        if not same or any(
            self.names.setdefault(one, other) != other for one, other in zip(names, others, strict=True)
        ):
            raise DifferenceError(f"{where}: {recorded!r} recorded, {answered!r} answered")


def same_kind_of_bytes(recorded_hex: str, answered: bytes) -> bool:
    """Whether the fixed bytes at the start of a file are the recorded ones."""
    fixed = FIXED_BYTES.get(recorded_hex[:8], slice(0, 0))
    return answered.hex()[fixed] == recorded_hex[fixed]


def _rank(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps([value.get("type"), value.get("details")])
