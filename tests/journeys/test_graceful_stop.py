"""Worker and scheduler are gone soon after a SIGTERM, whatever hangs, and what they had goes on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.journeys.conftest import Journey, Start, until

pytestmark = pytest.mark.timeout(300)  # it starts a whole system, and waits out delays of up to 40 s

WITHIN_S = 20.0  # ten seconds, and as much again for a machine that is slow


@contextmanager
def hanging(here: Journey, what: str) -> Iterator[None]:
    """As after a SIGSTOP to all of its processes."""
    postgres, valkey = here.system.servers.postgres, here.system.servers.valkey
    assert postgres is not None
    assert valkey is not None
    pids = {"comfyui": here.comfyui.pid, "redis": valkey.process.pid, "postgresql": postgres.process.pid}
    main = psutil.Process(pids[what])
    stopped = [main, *main.children(recursive=True)]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            process.send_signal(signal.SIGCONT)


def stop(here: Journey, name: str) -> None:
    """It ends by itself, and in time."""
    assert here.system.processes[name].stop(WITHIN_S) == 0


@pytest.mark.parametrize("what", ["comfyui", "redis", "postgresql"])
def test_a_worker_stops_in_time_while_something_hangs(journey: Start, what: str) -> None:
    with journey() as here:
        held = here.held_up()
        with hanging(here, what):
            stop(here, "worker")
        held.let_go()
        here.restart("worker")
        job = here.completed(held.id)
        assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
        assert here.times_run() == [1]


@pytest.mark.parametrize("what", ["redis", "postgresql"])
def test_a_scheduler_stops_in_time_while_something_hangs(journey: Start, what: str) -> None:
    with journey() as here:
        with hanging(here, what):
            stop(here, "scheduler")
        here.restart("scheduler")
        until(lambda: "scheduler.leads" in here.system.processes["scheduler"].tail())
        here.completed(here.submit()["id"])


def test_the_lock_of_a_scheduler_that_stops_is_free_for_the_next(journey: Start) -> None:
    with journey() as here:
        first = here.system.processes["scheduler"]
        until(lambda: "scheduler.leads" in first.tail())
        stop(here, "scheduler")
        here.restart("scheduler")
        until(lambda: "scheduler.leads" in here.system.processes["scheduler"].tail())
