"""What a prompt tells its client, and in which order; without a client, progress goes to everybody."""

import time
from typing import Any

from deploy.simulator.messages.sockets import Sockets
from deploy.simulator.nodes.interface import Preview


class Report:
    """The messages of one prompt: sent as they come, and those of its outline kept for the history."""

    def __init__(self, sockets: Sockets, prompt_id: str, client_id: Any) -> None:
        self._sockets = sockets
        self._prompt_id = prompt_id
        self._client_id = client_id
        self._nodes: dict[str, dict[str, Any]] = {}
        self.messages: list[tuple[str, dict[str, Any]]] = []
        sockets.client_id = client_id
        sockets.last_node_id = None

    @property
    def has_client(self) -> bool:
        return self._client_id is not None

    def say(self, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        """A message of the outline (start, cached, success, error, interrupted); to nobody if there is no client."""
        stamped = {**data, "timestamp": round(time.time() * 1000)}
        self.messages.append((event, stamped))
        if self.has_client or to_all:
            self._sockets.send(event, stamped, self._client_id)

    def node_starts(self, node_id: str) -> None:
        self._nodes[node_id] = self._state(node_id, value=0.0, maximum=1.0, state="running")
        self._send_states()
        if self.has_client:
            self._sockets.last_node_id = node_id
            self._send("executing", {"node": node_id, "display_node": node_id, "prompt_id": self._prompt_id})

    def node_moves(self, node_id: str, value: float, maximum: float, preview: Preview | None) -> None:
        """The richer preview comes before `progress`, the older kind after it."""
        self._nodes[node_id] = self._state(node_id, value=value, maximum=maximum, state="running")
        self._send_states()
        richer = self.has_client and self._sockets.wants_metadata(self._client_id)
        if preview and richer:
            self._sockets.send_preview_with_metadata(preview, self._identity(node_id), self._client_id)
        self._send("progress", {"value": value, "max": maximum, "prompt_id": self._prompt_id, "node": node_id})
        if preview and not richer:
            self._sockets.send_preview(preview, self._client_id)

    def node_finishes(self, node_id: str) -> None:
        """A node that was cached has never started: it shows up as 1 of 1."""
        known = self._nodes.get(node_id) or self._state(node_id, value=0, maximum=1, state="")
        self._nodes[node_id] = {**known, "value": known["max"], "state": "finished"}
        self._send_states()

    def node_shows(self, node_id: str, output: Any) -> None:
        if self.has_client:
            shown = {"node": node_id, "display_node": node_id, "output": output, "prompt_id": self._prompt_id}
            self._send("executed", shown)

    def node_says(self, event: str, data: dict[str, Any]) -> None:
        """A message of a node's own making."""
        self._send(event, data)

    def node_sends(self, frame: bytes) -> None:
        self._sockets.send_bytes(frame, self._client_id)

    def all_over(self) -> None:
        """The last message of a prompt, however it ended."""
        self._sockets.last_node_id = None
        if self.has_client:
            self._send("executing", {"node": None, "prompt_id": self._prompt_id})

    def _send(self, event: str, data: dict[str, Any]) -> None:
        self._sockets.send(event, data, self._client_id)

    def _send_states(self) -> None:
        self._send("progress_state", {"prompt_id": self._prompt_id, "nodes": self._nodes})

    def _state(self, node_id: str, *, value: float, maximum: float, state: str) -> dict[str, Any]:
        return {"value": value, "max": maximum, "state": state, **self._identity(node_id)}

    def _identity(self, node_id: str) -> dict[str, Any]:
        return {
            "node_id": node_id,
            "prompt_id": self._prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
