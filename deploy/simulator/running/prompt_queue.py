"""Prompts wait in a heap by number, then prompt_id; two with both equal cannot be compared, and that has consequences.

The heap compares whole items, so equal (number, prompt_id) pairs end in a TypeError: in `put` after the item was
added (the client is told of a failure, and the prompt runs), or in `take`, which costs the worker its thread.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LONGEST_HISTORY = 10_000
# Of extra_data: handed to nodes that call out, and no part of what is shown of a prompt.
SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


class Item(NamedTuple):
    """A queued prompt, laid out as /queue and /history show it, but for what is `sensitive`."""

    number: float
    prompt_id: str
    prompt: dict[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]
    sensitive: dict[str, Any]

    @property
    def shown(self) -> tuple[Any, ...]:
        return tuple(self)[:5]


@dataclass
class PromptQueue:
    """What waits, what runs and what has run; `announce` is called whenever the number of the unfinished changes."""

    announce: Callable[[], None]
    pending: list[Item] = field(default_factory=list)
    running: list[Item] = field(default_factory=list)
    history: dict[str, dict[str, Any]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    _cache_to_empty: bool = False

    @property
    def remaining(self) -> int:
        return len(self.pending) + len(self.running)

    def put(self, item: Item) -> None:
        with self._changed:
            heapq.heappush(self.pending, item)
            self.announce()
            self._changed.notify()

    def wait_for_work(self) -> bool:
        """Wait until there is something to do; True if the cache is to be emptied first."""
        with self._changed:
            self._changed.wait_for(lambda: self.pending or self._cache_to_empty)
            emptying, self._cache_to_empty = self._cache_to_empty, False
            return emptying

    def take(self) -> Item | None:
        """The next prompt, now running; None if it was deleted meanwhile."""
        with self._changed:
            if not self.pending:
                return None
            item = heapq.heappop(self.pending)
            self.running.append(item)
            self.announce()
            return item

    def finish(self, item: Item, entry: dict[str, Any] | None) -> None:
        """Put a prompt that ran into the history; with no entry it leaves no trace."""
        with self._changed:
            self.running.remove(item)
            if entry is not None:
                if len(self.history) >= LONGEST_HISTORY:
                    del self.history[next(iter(self.history))]
                self.history[item.prompt_id] = entry
            self.announce()

    def wipe(self) -> None:
        with self._changed:
            self.pending.clear()
            self.announce()

    def delete(self, prompt_id: str) -> bool:
        """Drop one waiting prompt of that id; what runs is left alone, and an unknown id changes nothing."""
        with self._changed:
            for place, item in enumerate(self.pending):
                if item.prompt_id == prompt_id:
                    del self.pending[place]
                    heapq.heapify(self.pending)
                    if not self.pending:
                        self.announce()  # The real server clears the queue then, and says so besides.
                    self.announce()
                    return True
            return False

    def snapshot(self) -> tuple[list[Item], list[Item]]:
        """What runs, and what waits in heap order, which is not the order of execution."""
        with self._changed:
            return list(self.running), list(self.pending)

    def past(self) -> dict[str, dict[str, Any]]:
        with self._changed:
            return dict(self.history)

    def forget(self, prompt_id: str | None = None) -> None:
        with self._changed:
            if prompt_id is None:
                self.history.clear()
            else:
                self.history.pop(prompt_id, None)

    def empty_cache(self) -> None:
        """Have the worker empty its cache before the next prompt."""
        with self._changed:
            self._cache_to_empty = True
            self._changed.notify()
