"""Nodes run when what they wait for is done; among the ready ones, those that show something soonest go first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Prompt = Mapping[str, Any]


class NodeNotFoundError(Exception):
    """A link names a node the prompt does not have."""


class DependencyCycleError(Exception):
    """Every remaining node waits for another one."""

    reported_as = "graph.DependencyCycleError"


def is_link(value: object) -> bool:
    """Whether an input's value has the shape [node id, output number]."""
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int | float)
    )


class ExecutionOrder:
    """The nodes still to run for some outputs of a prompt.

    Raises NodeNotFoundError for any link to a missing node, declared or not: validation looks at declared inputs only.
    """

    def __init__(
        self,
        prompt: Prompt,
        outputs: Sequence[str],
        *,
        is_output: Callable[[str], bool],
        is_cached: Callable[[str], bool],
    ) -> None:
        self._prompt = prompt
        self._is_output = is_output
        self._is_cached = is_cached
        self._waits_for: dict[str, set[str]] = {}
        self._needed_by: dict[str, list[str]] = {}
        for node_id in outputs:
            self._add(node_id)

    @property
    def pending(self) -> list[str]:
        return list(self._waits_for)

    def next(self) -> str:
        """The node to run now; DependencyCycleError if none can."""
        ready = [node_id for node_id, waits_for in self._waits_for.items() if not waits_for]
        if not ready:
            raise DependencyCycleError("Dependency cycle detected")
        return next(
            (node_id for distance in (0, 1, 2) for node_id in ready if self._shows(node_id, distance)), ready[0]
        )

    def done(self, node_id: str) -> None:
        del self._waits_for[node_id]
        for needing in self._needed_by.pop(node_id, ()):
            self._waits_for[needing].discard(node_id)

    def _shows(self, node_id: str, distance: int) -> bool:
        """Whether an output node stands that many links further on."""
        if distance == 0:
            return self._is_output(node_id)
        return any(self._shows(needing, distance - 1) for needing in self._needed_by.get(node_id, ()))

    def _add(self, node_id: str) -> None:
        stack = [node_id]
        while stack:
            current = stack.pop()
            if current in self._waits_for:
                continue
            self._waits_for[current] = set()
            for value in self._prompt[current]["inputs"].values():
                if not is_link(value):
                    continue
                source = value[0]
                if source not in self._prompt:
                    raise NodeNotFoundError(f"Node {source} not found")
                if not self._is_cached(source):
                    stack.append(source)
                    self._link(source, current)

    def _link(self, source: str, needing: str) -> None:
        if source not in self._waits_for[needing]:
            self._waits_for[needing].add(source)
            self._needed_by.setdefault(source, []).append(needing)
