"""One run of a prompt, told as ComfyUI tells it: its start once, its nodes as they come, and its end once.

However many attempts a job takes, and whatever of it came late, its client hears of one run.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api_service.doors.native.streams import frames
from api_service.doors.native.views.outputs import shown_outputs
from api_service.doors.native.views.prompts import Message, end_of, start_of
from api_service.doors.native.views.sent_pictures import said_with
from api_service.prompts.prompt_queries import Prompt
from shared.models import JobStatus
from shared.workflows.links import needed_for, sources_of

Graph = Mapping[str, Any]
Sent = Mapping[str, Sequence[bytes]]


class Telling:
    """What was told of one prompt, and what comes next. Its frames are in the order in which they are to be sent."""

    def __init__(self, prompt: Prompt, *, with_metadata: bool = False) -> None:
        self.id = prompt.id
        self.with_metadata = with_metadata
        self.graph: Graph = prompt.job.workflow or {}
        self.node: str | None = None  # the one at work, as far as was told
        self.nodes: dict[str, tuple[float, float, str]] = {}  # how far each is that was told of

    def start(self, prompt: Prompt) -> Iterator[str]:
        for message in start_of(prompt):
            yield frames.text(*message)

    def progress(self, data: Mapping[str, Any]) -> Iterator[str]:
        """A node is at work, and perhaps at some step of it."""
        node_id, step, steps = data.get("node_id"), data.get("step") or 0, data.get("steps") or 0
        if not isinstance(node_id, str):
            return
        yield from self.way_to(node_id)
        yield from self.enter(node_id, (float(step), float(steps or 1)))
        if steps > 1 and step:
            yield frames.text("progress", {"value": step, "max": steps, "prompt_id": self.id, "node": node_id})

    def enter(self, node_id: str, how_far: tuple[float, float] = (0.0, 1.0)) -> Iterator[str]:
        """A node is at work; what was before it is done."""
        is_new = node_id != self.node
        if is_new:
            self.finish_node()
        self.nodes[node_id] = (*how_far, "running")
        yield frames.progress_state(self.id, self.nodes)
        if is_new:
            self.node = node_id
            yield frames.text("executing", {"node": node_id, "display_node": node_id, "prompt_id": self.id})

    def finish_node(self) -> None:
        if self.node in self.nodes:
            _, most, _ = self.nodes[self.node]
            self.nodes[self.node] = (most, most, "finished")

    def end(self, prompt: Prompt, texts: Mapping[int, Any], sent: Sent) -> Iterator[str | bytes]:
        """How it ended, as the record has it; its results first. `sent` are the pictures that nodes send."""
        kind, data = end_of(prompt)
        if prompt.job.status == JobStatus.COMPLETED:
            yield from self.results(shown_outputs(prompt.outputs, texts), sent)
        elif data.get("node_id") in self.graph:
            yield from self.way_to(data["node_id"])
            if data["node_id"] not in self.nodes:
                yield from self.enter(data["node_id"])
        yield frames.text(*self.with_node((kind, data)))
        yield frames.text("executing", {"node": None, "prompt_id": self.id})

    def way_to(self, node_id: str) -> Iterator[str]:
        """The nodes that a node needs, as far as nobody was told of them: progress comes seldom, and they have run."""
        if node_id in self.nodes or node_id not in self.graph:
            return
        needed = {*needed_for(self.graph, [node_id])} - {node_id}
        for one in in_order(self.graph):
            if one in needed and one not in self.nodes:
                yield from self.enter(one)

    def results(self, outputs: Mapping[str, Any], sent: Sent) -> Iterator[str | bytes]:
        """The nodes that nobody was told of, in the order in which they can have run, and what each has shown."""
        for node_id in [*self.untold(outputs), *(one for one in outputs if one not in self.graph)]:
            if node_id not in self.nodes or (node_id in sent and node_id != self.node):
                yield from self.enter(node_id)
            if node_id in sent:
                yield from self.pictures(node_id, sent[node_id])
            shown = said_with(self.graph, node_id) if node_id in sent else outputs.get(node_id)
            if shown is not None:
                about = {"node": node_id, "display_node": node_id, "output": shown, "prompt_id": self.id}
                yield frames.text("executed", about)
        self.finish_node()
        if self.nodes:
            yield frames.progress_state(self.id, self.nodes)

    def pictures(self, node_id: str, contents: Sequence[bytes]) -> Iterator[str | bytes]:
        """What a node sends: one picture after another, while it is the one at work."""
        for number, content in enumerate(contents, 1):
            where = {"prompt_id": self.id, "node": node_id}
            yield frames.text("progress", {"value": number, "max": len(contents), **where})
            yield frames.picture(content, "image/png", (self.id, node_id) if self.with_metadata else None)

    def untold(self, outputs: Mapping[str, Any]) -> list[str]:
        """The nodes without those that were told of and show nothing, each after what it needs."""
        return [one for one in in_order(self.graph) if one not in self.nodes or one in outputs]

    def with_node(self, message: Message) -> Message:
        """An end that was met at a node; the record knows of none where it was interrupted."""
        kind, data = message
        if data.get("node_id") == "" and self.node is not None:
            node = self.graph.get(self.node) or {}
            data = {**data, "node_id": self.node, "node_type": str(node.get("class_type") or "")}
        done = [node_id for node_id, (_, _, state) in self.nodes.items() if state == "finished"]
        return kind, {**data, "executed": done} if "executed" in data else data


def in_order(graph: Graph) -> list[str]:
    """The nodes of a graph, each after those it needs; as they stand, where the graph says nothing else."""
    sources = sources_of(graph)
    found: dict[str, None] = {}
    for start in graph:
        waiting = [start]
        while waiting:
            node_id = waiting[-1]
            needed = [name for name in sources[node_id] if name not in found]
            if node_id in found or not needed:
                found[node_id] = None
                waiting.pop()
            else:
                waiting += reversed(needed)
    return list(found)
