"""What the thread that runs a job waits for: signals from other threads, and the latest progress of its prompt."""

import threading
import time
from enum import StrEnum
from typing import NamedTuple

from worker_service.comfyui.frames import Cached, NodeStates, Preview

HEED_S = 0.2  # within which a time limit is heeded
MOST_CACHED = 100_000  # nodes that need not run, until they are read


class Signal(StrEnum):
    LOOK = "look"  # the prompt may have ended: look in the history
    LOOK_SOON = "look_soon"  # the prompt has ended, and the history says so in a moment
    CANCEL = "cancel"
    LEASE_LOST = "lease_lost"
    STOP = "stop"  # the worker is being stopped


class Received(NamedTuple):
    signals: frozenset[Signal]
    cached: list[Cached]
    states: NodeStates | None
    preview: Preview | None


class Mailbox:
    """Senders never wait, so that a slow job cannot stall the socket that ComfyUI writes to.

    Of node states and previews only the latest is kept, and of cached nodes as many as any graph has. Signals stay
    until they are read, and `heard` keeps every one that ever came. It is a Listener of
    `worker_service.comfyui.progress`.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.signals: set[Signal] = set()
        self.heard: set[Signal] = set()
        self.cached: list[Cached] = []
        self.room = MOST_CACHED
        self.states: NodeStates | None = None
        self.preview: Preview | None = None
        self.calm_until = 0.0  # nobody is woken for frames before

    def signal(self, signal: Signal) -> None:
        with self.changed:
            self.heard.add(signal)
            self.signals.add(signal)
            self.changed.notify_all()

    def look(self, *, in_a_moment: bool) -> None:
        self.signal(Signal.LOOK_SOON if in_a_moment else Signal.LOOK)

    def receive(self, frame: Cached | NodeStates | Preview) -> None:
        with self.changed:
            match frame:
                case Cached():
                    if nodes := frame.nodes[: self.room]:
                        self.room -= len(nodes)
                        self.cached.append(Cached(nodes))
                case NodeStates():
                    self.states = frame
                case Preview():
                    self.preview = frame
            if time.monotonic() >= self.calm_until:
                self.changed.notify_all()

    def wait(self, timeout_s: float, calm_s: float = 0.0) -> Received:
        """Everything that has come, after at most this time; empty if nothing has. A signal ends the wait at once, what
        is said of the progress only once `calm_s` have passed: a server says it many times in a small job."""
        now = time.monotonic()
        deadline, calm_until = now + timeout_s, now + calm_s
        with self.changed:
            self.calm_until = calm_until
            while not self.signals and now < deadline and not (now >= calm_until and self.has_frames()):
                until = min(deadline, calm_until) if now < calm_until else deadline
                # In short waits: a time limit is raised only between bytecodes.
                self.changed.wait(min(until - now, HEED_S))
                now = time.monotonic()
            received = Received(frozenset(self.signals), self.cached, self.states, self.preview)
            self.signals, self.cached, self.states, self.preview = set(), [], None, None
            self.room = MOST_CACHED
            return received

    def has_frames(self) -> bool:
        return bool(self.cached or self.states or self.preview)
