"""Faults on demand: armed ones strike where they fit.

A fault strikes `times` times (1, any number, or null: until cleared), only where its other fields fit what happens
(`prompt_id`, `node` class, `step`, `path` prefix). `at` names a moment in the life of a prompt; see `Moment`.
"""

import asyncio
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.simulator.faults.kinds import KINDS, Field, Moment


class BadFaultError(ValueError):
    """The body of a fault is not one of those in the table; the message says why."""


@dataclass(eq=False)
class Fault:
    """An armed fault, or one that has struck and holds until it is cleared."""

    number: int
    kind: str
    times: int | None
    details: dict[str, Any]
    struck: int = 0
    has_struck: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def spent(self) -> bool:
        return self.times is not None and self.struck >= self.times

    def fits(self, facts: Mapping[str, Any]) -> bool:
        for name, fact in facts.items():
            wanted = self.details.get(name)
            if wanted is None:
                continue
            if not (str(fact).startswith(wanted) if name == "path" else fact == wanted):
                return False
        return True

    def page(self) -> dict[str, Any]:
        return {"id": self.number, "kind": self.kind, "times": self.times, "struck": self.struck, **self.details}


class FaultBook:
    """The armed faults; taken from by the worker thread and the event loop alike."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._faults: dict[int, Fault] = {}
        self._lock = threading.Lock()

    def arm(self, body: object) -> Fault:
        """Read and arm a fault; BadFaultError if the body is none."""
        kind, times, details = read_fault(body)
        with self._lock:
            fault = Fault(next(self._numbers), kind, times, details)
            self._faults[fault.number] = fault
        return fault

    def strike(self, kind: str, *, holds: bool = False, **facts: Any) -> Fault | None:
        """The first armed fault of that kind that fits; counted, and forgotten when spent unless it `holds`."""
        with self._lock:
            for fault in self._faults.values():
                if fault.kind == kind and not fault.spent and fault.fits(facts):
                    fault.struck += 1
                    fault.has_struck.set()
                    if fault.spent and not holds:
                        del self._faults[fault.number]
                    return fault
        return None

    def standing(self, kind: str) -> bool:
        with self._lock:
            return any(fault.kind == kind for fault in self._faults.values())

    def find(self, number: int) -> Fault | None:
        with self._lock:
            return self._faults.get(number)

    def clear(self, number: int | None = None) -> None:
        """Take back one fault, or all; what they hold goes on. Called in the event loop."""
        with self._lock:
            numbers = list(self._faults) if number is None else [number]
            gone = [fault for fault in map(self._faults.pop, numbers, [None] * len(numbers)) if fault]
        for fault in gone:
            fault.released.set()
            fault.freed.set()

    def page(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.page() for fault in self._faults.values()]


def read_fault(body: object) -> tuple[str, int | None, dict[str, Any]]:
    """The kind, how often it strikes, and its details with the defaults filled in."""
    if not isinstance(body, dict):
        raise BadFaultError("a fault is an object with a `kind`")
    kind = KINDS.get(body.get("kind", ""))
    if kind is None:
        raise BadFaultError(f"unknown fault {body.get('kind')!r}: one of {', '.join(KINDS)}")
    times = body.get("times", kind.times)
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise BadFaultError("times must be a whole number above zero, or null: until cleared")
    given = {name: value for name, value in body.items() if name not in ("kind", "times")}
    for name, value in given.items():
        if name not in kind.fields:
            raise BadFaultError(f"{body['kind']} has no field {name!r}: it takes {', '.join([*kind.fields, 'times'])}")
        _check(f"{body['kind']}.{name}", value, kind.fields[name])
    details = {name: given.get(name, known.default) for name, known in kind.fields.items()}
    if "at" in details and "at" not in given:
        details["at"] = _implied_moment(details)
    return body["kind"], times, details


def _implied_moment(details: Mapping[str, Any]) -> str:
    if details["step"] is not None:
        return Moment.STEP
    return Moment.NODE if details["node"] is not None else details["at"]


def _check(name: str, value: object, known: Field) -> None:
    if isinstance(value, bool) or not isinstance(value, known.types):
        kinds = " or ".join("null" if kind is type(None) else kind.__name__ for kind in known.types)
        raise BadFaultError(f"{name} must be {kinds}, not {value!r}")
    if known.choices and value not in known.choices:
        raise BadFaultError(f"{name} must be one of {', '.join(known.choices)}, not {value!r}")
    if known.at_least is not None and isinstance(value, int | float) and value < known.at_least:
        raise BadFaultError(f"{name} must be at least {known.at_least:g}, not {value!r}")
