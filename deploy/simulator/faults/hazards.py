"""What can befall a prompt at each moment of its life, when a fault says so."""

import os
from collections.abc import Callable
from typing import Any

from deploy.simulator.faults.fault_book import FaultBook
from deploy.simulator.faults.kinds import Moment


class WorkerKilled(BaseException):
    """Ends the worker thread: not an Exception, so that no node's error handling catches it."""


class Interrupted(Exception):
    """The running prompt is to stop."""


class OutOfMemory(Exception):
    """Reported as the graphics library reports a full card."""

    reported_as = "torch.OutOfMemoryError"


class MadeToFail(Exception):
    """Reported under a name of the test's choosing."""

    def __init__(self, reported_as: str, message: str) -> None:
        super().__init__(message)
        self.reported_as = reported_as


class Hazards:
    """Asked at each moment; `leave` ends the process with an exit code."""

    def __init__(self, faults: FaultBook, leave: Callable[[int], None]) -> None:
        self._faults = faults
        self._leave = leave

    def meet(
        self, moment: Moment, *, prompt_id: str | None = None, node: str | None = None, step: int | None = None
    ) -> None:
        """Die, hang or lose the thread, if that is armed for this moment."""
        facts: dict[str, Any] = {"at": moment.value, "prompt_id": prompt_id, "node": node, "step": step}
        if fault := self._faults.strike("die", **facts):
            self._leave(fault.details["code"])
        if fault := self._faults.strike("stall", holds=True, **facts):
            fault.released.wait()  # Until cleared: a hung graphics driver does not heed an interrupt either.
        if self._faults.strike("kill_worker", **facts):
            raise WorkerKilled(f"killed at {moment}")

    def fail_node(self, prompt_id: str, node: str) -> None:
        """Raise what is to go wrong in a node, if anything is."""
        if fault := self._faults.strike("node_error", prompt_id=prompt_id, node=node, step=None):
            raise MadeToFail(fault.details["exception_type"], fault.details["exception_message"])

    def fail_step(self, prompt_id: str, node: str, step: int) -> None:
        """Raise what is to go wrong in a sampler after a step, if anything is."""
        if fault := self._faults.strike("node_error", prompt_id=prompt_id, node=node, step=step):
            raise MadeToFail(fault.details["exception_type"], fault.details["exception_message"])
        if self._faults.strike("out_of_memory", prompt_id=prompt_id, node=node, step=step):
            raise OutOfMemory("CUDA out of memory. Tried to allocate 2.00 GiB.")


def process_leaver(clean_up: Callable[[], None]) -> Callable[[int], None]:
    """Ends the process at once, sockets and all, after removing what is its own."""

    def leave(code: int) -> None:
        clean_up()
        os._exit(code)

    return leave
