"""One prompt from its start to its end: node after node, until all are done, one fails, or it is interrupted."""

import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from deploy.simulator.faults.hazards import Hazards, Interrupted
from deploy.simulator.faults.kinds import Moment
from deploy.simulator.messages.reporting import Report
from deploy.simulator.nodes.catalogue import catalogue
from deploy.simulator.nodes.interface import Drawing, Effort, Inputs, Node, Preview, Stock, Workbench
from deploy.simulator.protocol.versions import Spoken
from deploy.simulator.running.execution_order import DependencyCycleError, ExecutionOrder, is_link
from deploy.simulator.running.ledger import Ledger
from deploy.simulator.running.output_cache import Cached, OutputCache
from deploy.simulator.running.pace import Dial, Pace
from deploy.simulator.running.prompt_queue import SECRETS, Item
from deploy.simulator.running.server_log import ServerLog

PREVIEW_METHODS = ("auto", "latent2rgb", "taesd")


@dataclass(frozen=True)
class Surroundings:
    """What every prompt is run with."""

    spoken: Spoken
    stock: Stock
    drawing: Drawing
    dial: Dial
    hazards: Hazards
    ledger: Ledger
    interrupted: threading.Event
    log: ServerLog

    @property
    def nodes(self) -> Mapping[str, Node]:
        return catalogue(saving_nodes_give=self.spoken.protocol.saving_nodes_give)


@dataclass
class PromptRun:
    """A prompt being run; afterwards `succeeded`, and in `shown` what its output nodes gave, in the order they ran."""

    item: Item
    report: Report
    cache: OutputCache
    around: Surroundings
    succeeded: bool = False
    executed: set[str] = field(default_factory=set)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    _steps: int = 0
    _nodes: int = 0

    def run(self) -> None:
        """Raises only what the real server's worker does not survive either."""
        prompt_id, prompt = self.item.prompt_id, self.item.prompt
        self.around.interrupted.clear()
        self.report.say("execution_start", {"prompt_id": prompt_id})
        self.around.hazards.meet(Moment.STARTED, prompt_id=prompt_id)
        self.cache.open(prompt, self._fingerprint)
        if not self.around.spoken.protocol.drops_cache_late:
            self.cache.drop_unused()
        cached = [node_id for node_id in prompt if self.cache.has(node_id)]
        self.report.say("execution_cached", {"nodes": cached, "prompt_id": prompt_id})
        order = ExecutionOrder(prompt, self.item.outputs, is_output=self._is_output, is_cached=self.cache.has)
        self._nodes = len(order.pending)
        self._steps = sum(self._steps_of(node_id) for node_id in order.pending)
        self.around.hazards.meet(Moment.PLANNED, prompt_id=prompt_id)
        began = time.monotonic()
        self.succeeded = self._run_nodes(order)
        if self.succeeded:
            if self.executed:
                self.around.dial.spend(self.around.dial.pace.left(time.monotonic() - began))
            self.report.say("execution_success", {"prompt_id": prompt_id})

    def _run_nodes(self, order: ExecutionOrder) -> bool:
        while order.pending:
            try:
                node_id = order.next()
            except DependencyCycleError as error:
                self._say_failed(order.pending[0], {}, error)
                return False
            if not self._settle(node_id):
                return False
            order.done(node_id)
        return True

    def _settle(self, node_id: str) -> bool:
        """Run a node, or show again what it gave last time; False if the prompt ends here."""
        cached = self.cache.get(node_id)
        if cached is not None:
            self.report.node_shows(node_id, cached.shown and cached.shown["output"])
            listed = self.report.has_client or self.around.spoken.protocol.lists_cached_without_client
            if listed and cached.shown is not None:
                self.shown[node_id] = cached.shown
            self.report.node_finishes(node_id)
            return True
        inputs: dict[str, Any] = {}
        try:
            inputs = self._inputs(node_id)
            self._run_node(node_id, inputs)
        except Interrupted:
            self._say_interrupted(node_id)
            return False
        except Exception as error:  # noqa: BLE001  # whatever a node raises is the client's to know
            if not getattr(error, "can_be_logged", False):
                str(error).encode()  # The real server logs it here, and a text that cannot be written ends its thread.
            self._say_failed(node_id, inputs, error)
            return False
        return True

    def _run_node(self, node_id: str, inputs: dict[str, Any]) -> None:
        node, prompt_id = self._node(node_id), self.item.prompt_id
        self.report.node_starts(node_id)
        if self.around.interrupted.is_set():
            raise Interrupted
        self.around.ledger.ran(prompt_id, node_id)
        self.around.hazards.meet(Moment.NODE, prompt_id=prompt_id, node=node.name)
        self.around.hazards.fail_node(prompt_id, node.name)
        self._take_time(node.effort)
        result = node.run(self._bench(node_id), inputs)
        self.around.dial.compute(self.around.dial.pace.computing(result.values))
        shown = None
        if result.shown is not None:
            shown = {"output": result.shown, "meta": _meta(node_id)}
            self.report.node_shows(node_id, result.shown)
            self.shown[node_id] = shown
        self.report.node_finishes(node_id)
        self.executed.add(node_id)
        self.cache.put(node_id, Cached(result.values, shown))
        self.cache.drop_unused()

    def _inputs(self, node_id: str) -> dict[str, Any]:
        """The values a node is given: of links, what the node at their other end gave."""
        declared, given = self._node(node_id).declared(), self.item.prompt[node_id]["inputs"]
        return {name: self._value(value) for name, value in given.items() if name in declared}

    def _value(self, value: Any) -> Any:
        if not is_link(value):
            return value
        source = self.cache.get(value[0])
        return source.values[int(value[1])] if source else None

    def _bench(self, node_id: str) -> Workbench:
        extra_data = self.item.extra_data
        return Workbench(
            folders=self.around.stock.folders,
            images=self.around.stock.images,
            drawing=self.around.drawing,
            prompt=self.item.prompt,
            extra_pnginfo=extra_data.get("extra_pnginfo"),
            wants_previews=extra_data.get("preview_method") in PREVIEW_METHODS,
            spend_step=self._spend_step,
            wait=self._wait,
            report=partial(self._move, node_id),
            halfway=self._halfway,
            say=self.report.node_says,
            send_bytes=self.report.node_sends,
            secrets=self.item.sensitive,
        )

    def _spend_step(self) -> None:
        if self.around.interrupted.wait(self._pace().step_seconds):
            raise Interrupted

    def _wait(self, seconds: float, *, heeds: bool) -> None:
        if heeds and self.around.interrupted.wait(seconds):
            raise Interrupted
        if not heeds:
            self.around.dial.spend(seconds)

    def _move(self, node_id: str, value: float, maximum: float, preview: Preview | None) -> None:
        self.report.node_moves(node_id, value, maximum, preview)
        node, prompt_id = self._node(node_id), self.item.prompt_id
        if node.effort is Effort.SAMPLE:
            self.around.hazards.meet(Moment.STEP, prompt_id=prompt_id, node=node.name, step=int(value))
            self.around.hazards.fail_step(prompt_id, node.name, int(value))

    def _halfway(self) -> None:
        self.around.dial.spend(self._pace().write_seconds)
        self.around.hazards.meet(Moment.WRITE, prompt_id=self.item.prompt_id)

    def _take_time(self, effort: Effort) -> None:
        """Loading and other node work cannot be interrupted: it ends first."""
        pace = self._pace()
        self.around.dial.spend({Effort.LOAD: pace.load_seconds, Effort.NODE: pace.node_seconds}.get(effort, 0.0))

    def _pace(self) -> Pace:
        return self.around.dial.pace.shared(steps=self._steps, nodes=self._nodes)

    def _steps_of(self, node_id: str) -> int:
        sampled = self._node(node_id).effort is Effort.SAMPLE and not self.cache.has(node_id)
        return int(self.item.prompt[node_id]["inputs"].get("steps", 0)) if sampled else 0

    def _node(self, node_id: str) -> Node:
        return self.around.nodes[self.item.prompt[node_id]["class_type"]]

    def _is_output(self, node_id: str) -> bool:
        return self._node(node_id).output_node

    def _fingerprint(self, class_type: str, inputs: Inputs) -> str:
        fingerprint = self.around.nodes[class_type].fingerprint
        return fingerprint(self.around.stock.folders, inputs) if fingerprint else ""

    def _say_interrupted(self, node_id: str) -> None:
        facts = {"prompt_id": self.item.prompt_id, "node_id": node_id, "node_type": self._node(node_id).name}
        self.report.say("execution_interrupted", {**facts, "executed": list(self.executed)}, to_all=True)

    def _say_failed(self, node_id: str, inputs: dict[str, Any], error: Exception) -> None:
        self.report.say(
            "execution_error",
            {
                "prompt_id": self.item.prompt_id,
                "node_id": node_id,
                "node_type": self._node(node_id).name,
                "executed": list(self.executed),
                "exception_message": f"{error}\n",
                "exception_type": _reported_type(error),
                "traceback": traceback.format_tb(error.__traceback__),
                "current_inputs": {name: [_plain(value)] for name, value in self._all_inputs(node_id, inputs).items()},
                "current_outputs": list(self.item.prompt),
            },
        )

    def _all_inputs(self, node_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if self._node(node_id).takes_secrets:
            return inputs | {name: self.item.sensitive.get(name) for name in SECRETS}
        if not self._node(node_id).takes_metadata:
            return inputs
        return {**inputs, "prompt": self.item.prompt, "extra_pnginfo": self.item.extra_data.get("extra_pnginfo")}


def _meta(node_id: str) -> dict[str, Any]:
    return {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _reported_type(error: Exception) -> str:
    kind = type(error)
    named: str | None = getattr(error, "reported_as", None)
    return named or (kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}")
