"""What was really done is counted apart from the protocol, and the count can outlive a kill -9."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any


@dataclass
class Execution:
    """What happened to one prompt_id, over all its submissions."""

    accepted: int = 0
    started: int = 0
    finished: int = 0
    outcomes: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    filename_prefixes: list[str] = field(default_factory=list)
    client_id: Any = None


class Ledger:
    """Counts per prompt_id; with a journal file, one line an event and its time, read back at the next start."""

    def __init__(self, journal: Path | None = None) -> None:
        self._executions: dict[str, Execution] = {}
        self._changed = Condition()
        self._journal = None
        if journal is not None:
            if journal.exists():
                for line in journal.read_text().splitlines():
                    self._apply(json.loads(line))
            self._journal = journal.open("a", buffering=1)

    def accepted(self, prompt_id: str, client_id: Any, prefixes: list[str]) -> None:
        self._record("accepted", prompt_id, client_id=client_id, filename_prefixes=prefixes)

    def started(self, prompt_id: str) -> None:
        self._record("started", prompt_id)

    def ran(self, prompt_id: str, node_id: str) -> None:
        self._record("ran", prompt_id, node=node_id)

    def finished(self, prompt_id: str, outcome: str) -> None:
        self._record("finished", prompt_id, outcome=outcome)

    def forget(self) -> None:
        with self._changed:
            self._executions.clear()
            if self._journal is not None:
                self._journal.truncate(0)

    def page(self) -> dict[str, dict[str, Any]]:
        with self._changed:
            return {prompt_id: asdict(execution) for prompt_id, execution in self._executions.items()}

    def wait_finished(self, prompt_id: str, times: int, seconds: float) -> bool:
        """Whether that prompt has finished so often within the given time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._finished(prompt_id) >= times, timeout=seconds)

    def _finished(self, prompt_id: str) -> int:
        execution = self._executions.get(prompt_id)
        return execution.finished if execution else 0

    def _record(self, event: str, prompt_id: str, **facts: Any) -> None:
        entry = {"event": event, "prompt_id": prompt_id, "at": time.time(), **facts}
        with self._changed:
            self._apply(entry)
            if self._journal is not None:
                self._journal.write(json.dumps(entry) + "\n")
            self._changed.notify_all()

    def _apply(self, entry: dict[str, Any]) -> None:
        execution = self._executions.setdefault(entry["prompt_id"], Execution())
        match entry["event"]:
            case "accepted":
                execution.accepted += 1
                execution.client_id = entry["client_id"]
                execution.filename_prefixes += entry["filename_prefixes"]
            case "started":
                execution.started += 1
            case "ran":
                execution.nodes.append(entry["node"])
            case "finished":
                execution.finished += 1
                execution.outcomes.append(entry["outcome"])
