"""How far a job is, as clients of the Comfy API see it: each time complete."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel

from shared.messaging.events import Event
from shared.workflows.links import sources_of, upstream

Graph = Mapping[str, Any]


class ProgressView(BaseModel, frozen=True):
    """`value` is of 1. Of the nodes, those count as done that the one which runs now needed: others may be too."""

    value: float
    nodes_done: int
    nodes_total: int
    current_node: str | None
    current_node_class: str | None
    step: int | None
    steps: int | None
    message: str | None

    @classmethod
    def of(cls, event: Event, graph: Graph) -> Self:
        node_id, kind, step, steps = (event.data.get(name) for name in ("node_id", "node_type", "step", "steps"))
        value = min(max(float(event.data.get("percentage") or 0.0) / 100, 0.0), 1.0)
        at_work = f"{kind or node_id} {step}/{steps}" if steps else kind or node_id
        return cls(
            value=value,
            nodes_done=len(graph) if value == 1.0 else len(upstream(sources_of(graph), [node_id])) if node_id else 0,
            nodes_total=len(graph),
            current_node=node_id,
            current_node_class=kind,
            step=step,
            steps=steps,
            message=at_work,
        )
