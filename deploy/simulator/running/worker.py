"""One thread runs one prompt at a time; an exception outside a node ends it, and nobody starts another."""

import threading
from typing import Any

from deploy.simulator.faults.fault_book import FaultBook
from deploy.simulator.faults.hazards import WorkerKilled
from deploy.simulator.faults.kinds import Moment
from deploy.simulator.messages.reporting import Report
from deploy.simulator.messages.sockets import Sockets
from deploy.simulator.running.output_cache import OutputCache
from deploy.simulator.running.prompt_queue import Item, PromptQueue
from deploy.simulator.running.prompt_run import PromptRun, Surroundings


class Worker:
    """Runs what is queued until something kills it."""

    def __init__(self, queue: PromptQueue, sockets: Sockets, faults: FaultBook, around: Surroundings) -> None:
        self._queue = queue
        self._sockets = sockets
        self._faults = faults
        self._around = around
        self._cache = OutputCache()
        self.busy = False
        self._thread = threading.Thread(target=self._work, name="prompt_worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            while True:
                if self._queue.wait_for_work():
                    self._cache.empty()
                    continue
                self.busy = True
                self._around.hazards.meet(Moment.TAKE)
                if item := self._queue.take():
                    self._run(item)
                self.busy = False
        except WorkerKilled:
            return
        except BaseException as error:
            self._around.log.uncaught(error)
            raise

    def _run(self, item: Item) -> None:
        around, prompt_id = self._around, item.prompt_id
        around.hazards.meet(Moment.TAKEN, prompt_id=prompt_id)
        around.ledger.started(prompt_id)
        report = Report(self._sockets, prompt_id, item.extra_data.get("client_id"))
        run = PromptRun(item, report, self._cache, around)
        run.run()
        around.hazards.meet(Moment.SUCCEEDED, prompt_id=prompt_id)
        around.dial.spend(around.dial.pace.history_seconds)
        forgotten = self._faults.strike("forget_history", when="written", prompt_id=prompt_id)
        self._queue.finish(item, None if forgotten else _entry(run))
        around.log.write("Prompt executed in 0.01 seconds\n")
        around.ledger.finished(prompt_id, report.messages[-1][0].removeprefix("execution_"))
        report.all_over()
        around.hazards.meet(Moment.DONE, prompt_id=prompt_id)


def _entry(run: PromptRun) -> dict[str, Any]:
    """What /history says about a prompt that ran."""
    return {
        "prompt": run.item.shown,
        "outputs": {node_id: shown["output"] for node_id, shown in run.shown.items()},
        "status": {
            "status_str": "success" if run.succeeded else "error",
            "completed": run.succeeded,
            "messages": run.report.messages,
        },
        "meta": {node_id: shown["meta"] for node_id, shown in run.shown.items()},
    }
