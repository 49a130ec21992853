"""Slow endpoints share half of a process's threads, and one thread is always left to those that were quick."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from shared.webhooks.due import SLOW_AFTER, Taken, Wanted

MOST_KNOWN = 1000  # of more the one that was tried first is forgotten: its rows say how it was


class Turn:
    """One thread's turn to take a delivery that is `wanted`."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.endpoint_id: UUID | None = None  # once one is taken
        self.was_quick: bool | None = None  # by its rows; None where nobody has tried it
        self.began_at = time.monotonic()

    def takes(self, taken: Taken) -> None:
        self.endpoint_id, self.was_quick = taken.endpoint_id, taken.was_quick

    @property
    def took_long(self) -> bool:
        return time.monotonic() - self.began_at > SLOW_AFTER.total_seconds()


class Paces:
    """How endpoints answered the last time that this process tried them, and the turns of its threads.

    A new endpoint may be one that never answers, and that is known after 20 seconds. So new ones and slow ones together
    have all threads but one, and slow ones no more than half: neither the others nor new ones wait for slow ones. For
    each turn that takes long there may be a helper, a thread more.
    """

    def __init__(self, threads: int) -> None:
        self.own_threads = threads
        self.helpers = 0
        self.lock = threading.Lock()
        self.quick: dict[UUID, bool] = {}  # the one that was tried first comes first
        self.turns: set[Turn] = set()

    @property
    def threads(self) -> int:
        """With those that help now."""
        return self.own_threads + self.helpers

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A turn to take a delivery and to try it."""
        with self.lock:
            turn = Turn(self.wanted())
            self.turns.add(turn)
        try:
            yield turn
        finally:
            with self.lock:
                self.turns.discard(turn)

    def wanted(self) -> Wanted:
        """Of which endpoints a thread may take a delivery now."""
        if sum(map(self.may_be_unproven, self.turns)) >= self.threads - 1:
            return self.only(new_too=False)
        if sum(map(self.may_be_slow, self.turns)) >= self.threads // 2:
            return self.only(new_too=True)
        return Wanted()

    def only(self, *, new_too: bool) -> Wanted:
        known = {answer: [one for one, quick in self.quick.items() if quick is answer] for answer in (True, False)}
        return Wanted(slow_too=False, new_too=new_too, quick=known[True], slow=known[False])

    def may_be_slow(self, turn: Turn) -> bool:
        """Whether a turn is, or may become, one at a slow endpoint."""
        if turn.endpoint_id is None:
            return turn.wanted.slow_too
        return turn.took_long or self.quick.get(turn.endpoint_id, turn.was_quick) is False

    def may_be_unproven(self, turn: Turn) -> bool:
        """Whether a turn is, or may become, one at an endpoint that is slow or new."""
        if turn.endpoint_id is None:
            return turn.wanted.new_too
        return turn.took_long or not self.quick.get(turn.endpoint_id, turn.was_quick)

    def took(self, endpoint_id: UUID, seconds: float) -> None:
        """A try of the endpoint has ended, after so long."""
        with self.lock:
            self.quick.pop(endpoint_id, None)
            self.quick[endpoint_id] = seconds <= SLOW_AFTER.total_seconds()
            while len(self.quick) > MOST_KNOWN:
                del self.quick[next(iter(self.quick))]

    @contextmanager
    def helping(self) -> Iterator[None]:
        """There is a thread more until the block ends."""
        with self.lock:
            self.helpers += 1
        try:
            yield
        finally:
            with self.lock:
                self.helpers -= 1

    def missing_helpers(self) -> int:
        """How many turns take long without a helper; below 0 where there are more helpers than such turns."""
        with self.lock:
            return sum(turn.took_long for turn in self.turns) - self.helpers
