"""How far a prompt is, in percent of its work, and how its watchers hear of it."""

import base64
import time
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple

from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, GenerationJob
from shared.workflows.links import sources_of, upstream
from shared.workflows.text_to_image import work_units
from worker_service.comfyui.frames import NodeStates, Preview

LARGEST_PREVIEW = 1024 * 1024  # bytes


class Progress(NamedTuple):
    """`step` of `steps` is the running node's own count."""

    percentage: float
    node_id: str | None
    node_type: str | None
    step: int
    steps: int


class Meter:
    """Turns frames into `progress`. Its percentage never falls, whatever comes late or twice.

    A frame costs what it names; and all frames of a prompt together follow each link of its graph once.
    """

    def __init__(self, graph: Mapping[str, Mapping[str, Any]]) -> None:
        self.graph = graph
        self.units = work_units(graph)
        self.total = sum(self.units.values())
        self.sources = sources_of(graph)
        self.passed: set[str] = set()  # nodes that ran before another
        self.followed: set[str] = set()  # nodes whose links were followed
        self.done = dict.fromkeys(graph, 0.0)  # node -> share of it that is done
        self.made = 0.0  # units of all that is done
        self.progress = Progress(0.0, None, None, 0, 0)

    def skip(self, nodes: list[str]) -> None:
        """These nodes need not run."""
        for node in nodes:
            self.reach(node, 1.0)
        self.progress = self.progress._replace(percentage=self.percentage())

    def update(self, states: NodeStates) -> Progress:
        """Take in how far each node is. Nodes that are made while the graph runs do not count."""
        running = None
        for node, (value, most, state) in states.nodes.items():
            self.reach(node, 1.0 if state == "finished" else value / most if most else 0.0)
            self.pass_what_it_needed(node)
            if state == "running":
                running = (node, int(value), int(most))
        if running:
            node, step, steps = running
            node_type = self.graph.get(node, {}).get("class_type")
            self.progress = Progress(self.percentage(), node, node_type, step, steps)
        else:
            self.progress = self.progress._replace(percentage=self.percentage())
        return self.progress

    def pass_what_it_needed(self, node: str) -> None:
        """What a node needs is done, though no frame said so: it was cached, or ran before this socket was open."""
        if node in self.followed or node not in self.done:
            return
        passed = upstream(self.sources, [node], known=self.passed)
        for needed in passed:
            self.reach(needed, 1.0)
        self.passed |= passed
        self.followed |= passed
        self.followed.add(node)

    def reach(self, node: str, share: float) -> None:
        before = self.done.get(node)
        if before is not None and (now := min(share, 1.0)) > before:
            self.done[node] = now
            self.made += self.units[node] * (now - before)

    def percentage(self) -> float:
        return min(round(100 * self.made / self.total, 1), 100.0) if self.total else 0.0


class ProgressSink:
    """Publishes the progress and the previews of one job, which was claimed just now, to whoever watches it."""

    def __init__(self, messenger: Messenger, job: GenerationJob) -> None:
        self.messenger = messenger
        self.job = job
        self.claimed = time.monotonic()
        self.ticks = count(1)

    def publish_progress(self, progress: Progress) -> None:
        self.publish(EventType.PROCESSING, progress._asdict())

    def publish_preview(self, preview: Preview) -> None:
        if len(preview.image) <= LARGEST_PREVIEW:
            image = base64.b64encode(preview.image).decode("ascii")
            self.publish(EventType.PREVIEW, {"media_type": preview.media_type, "image": image})

    def publish(self, kind: EventType, data: dict[str, Any]) -> None:
        # The claim has the database's time; this machine's clock only says how long ago that was.
        at = self.job.updated_at + timedelta(seconds=time.monotonic() - self.claimed)
        self.messenger.publish(Event.live(kind, self.job, at=at, tick=next(self.ticks), data=data))


class PacedSink:
    """Publishes the latest progress and preview each `every_s`, and nothing of a prompt that ends sooner than that."""

    def __init__(self, sink: ProgressSink, every_s: float) -> None:
        self.sink = sink
        self.every_s = every_s
        self.due_at: float | None = None
        self.progress: Progress | None = None
        self.preview: Preview | None = None

    @property
    def has_news(self) -> bool:
        return bool(self.progress or self.preview)

    def due_in(self) -> float:
        """For so long nothing is published, whatever comes."""
        return 0.0 if self.due_at is None else max(0.0, self.due_at - time.monotonic())

    def take(self, progress: Progress | None, preview: Preview | None) -> None:
        self.progress, self.preview = progress or self.progress, preview or self.preview
        if not self.has_news:
            return
        if self.due_at is None:
            self.due_at = time.monotonic() + self.every_s
        if self.due_in() > 0:
            return
        if self.progress:
            self.sink.publish_progress(self.progress)
        if self.preview:
            self.sink.publish_preview(self.preview)
        self.progress = self.preview = None
        self.due_at = time.monotonic() + self.every_s
