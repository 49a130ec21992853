"""A node whose class, inputs and ancestors are those of the last prompt is not run again, even if its file is gone."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deploy.simulator.running.execution_order import Prompt, is_link

Fingerprint = Callable[[str, dict[str, Any]], str]


@dataclass(frozen=True)
class Cached:
    """What a node gave, and what it showed the user: `shown` is {"output": ..., "meta": ...} or nothing."""

    values: tuple[Any, ...]
    shown: dict[str, Any] | None


class OutputCache:
    """Keeps the outputs of the last prompt's nodes only."""

    def __init__(self) -> None:
        self._kept: dict[str, Cached] = {}
        self._keys: dict[str, str] = {}

    def open(self, prompt: Prompt, fingerprint: Fingerprint) -> None:
        """Make ready for a prompt. KeyError if any of its nodes has no `inputs`."""
        self._keys = signatures(prompt, fingerprint)

    def drop_unused(self) -> None:
        """Keep what this prompt uses, and nothing else."""
        used = set(self._keys.values())
        self._kept = {key: cached for key, cached in self._kept.items() if key in used}

    def get(self, node_id: str) -> Cached | None:
        return self._kept.get(self._keys[node_id])

    def put(self, node_id: str, cached: Cached) -> None:
        self._kept[self._keys[node_id]] = cached

    def has(self, node_id: str) -> bool:
        return self.get(node_id) is not None

    def empty(self) -> None:
        self._kept.clear()


def signatures(prompt: Prompt, fingerprint: Fingerprint) -> dict[str, str]:
    """A key per node that says all it depends on and nothing else: not even its own id."""
    known: dict[str, str] = {}
    for node_id in prompt:
        _sign(node_id, prompt, fingerprint, known)
    return known


def _sign(node_id: str, prompt: Prompt, fingerprint: Fingerprint, known: dict[str, str]) -> str:
    if node_id in known:
        return known[node_id]
    known[node_id] = "cycle"  # Found again only while its own ancestors are being signed.
    node = prompt[node_id]
    inputs: list[Any] = []
    for name, value in sorted(node["inputs"].items()):
        if is_link(value):
            source = _sign(value[0], prompt, fingerprint, known) if value[0] in prompt else "missing"
            inputs.append([name, source, value[1]])
        else:
            inputs.append([name, value])
    content = [node["class_type"], fingerprint(node["class_type"], node["inputs"]), inputs]
    known[node_id] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return known[node_id]
