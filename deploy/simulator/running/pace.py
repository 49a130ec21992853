"""How long things take is set from outside, at the start or while the server runs."""

import hashlib
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace

from deploy.simulator.nodes.values import Pictures

COMPUTED = bytes(16 * 1024)  # long enough that other threads go on meanwhile
SHARED_OUT = 0.8  # of a fixed total; the rest is left for what drawing and writing really take


@dataclass(frozen=True)
class Pace:
    """Seconds spent on each kind of work; with `gpu_seconds` a prompt takes that long in all, whatever its steps.

    The durations with `cpu` are seconds of the processor, beside what the simulator itself takes: those of a server
    that computes on the machine of its clients.
    """

    step_seconds: float = 0.05
    load_seconds: float = 0.3
    node_seconds: float = 0.0
    gpu_seconds: float | None = None
    write_seconds: float = 0.0  # between the first half of a file and the second: then a reader meets half a file
    history_seconds: float = 0.0  # between execution_success and the history entry: then a reader meets none yet
    prompt_cpu_seconds: float = 0.0  # taking a prompt
    node_cpu_seconds: float = 0.0  # each node that runs
    megapixel_cpu_seconds: float = 0.0  # each million pixels that a node makes

    def changed(self, changes: Mapping[str, object]) -> "Pace":
        """The same pace with some durations replaced; ValueError says which one is wrong."""
        names = [known.name for known in fields(self)]
        for name, value in changes.items():
            if name not in names:
                raise ValueError(f"unknown duration {name!r}: one of {', '.join(names)}")
            if value is None and name == "gpu_seconds":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number of seconds, zero or more, not {value!r}")
        return replace(self, **changes)  # type: ignore[arg-type]  # checked just above

    def shared(self, *, steps: int, nodes: int) -> "Pace":
        """The pace of one prompt with so many sampler steps and nodes to run: most of a fixed total is shared among
        them."""
        if self.gpu_seconds is None:
            return self
        total = SHARED_OUT * self.gpu_seconds
        if steps:
            return replace(self, step_seconds=total / steps, load_seconds=0.0, node_seconds=0.0)
        share = total / max(nodes, 1)
        return replace(self, step_seconds=0.0, load_seconds=share, node_seconds=share)

    def left(self, spent: float) -> float:
        """Seconds that are left of a fixed total after so many."""
        return 0.0 if self.gpu_seconds is None else max(0.0, self.gpu_seconds - spent)

    def computing(self, values: Iterable[object]) -> float:
        """Seconds of the processor that a node takes which gives these values."""
        if not self.megapixel_cpu_seconds:
            return self.node_cpu_seconds
        pictures = (image for value in values if isinstance(value, Pictures) for image in value.images)
        pixels = sum(image.width * image.height for image in pictures)
        return self.node_cpu_seconds + self.megapixel_cpu_seconds * pixels / 1_000_000


@dataclass
class Dial:
    """Holds the pace in force, so that a change reaches a prompt that is already running."""

    first: Pace
    pace: Pace
    _hurried: threading.Event = field(default_factory=threading.Event)

    def spend(self, seconds: float) -> None:
        """Let time pass, unless somebody is in a hurry."""
        if seconds:
            self._hurried.wait(seconds)

    def compute(self, seconds: float) -> None:
        """Keep a processor busy for so long."""
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            hashlib.sha256(COMPUTED).digest()

    def hurry(self) -> None:
        """End what is being waited for, and wait for nothing until `reset`."""
        self._hurried.set()

    def reset(self) -> None:
        self.pace = self.first
        self._hurried.clear()
