"""Worker and scheduler are gone soon after a SIGTERM, whatever hangs, and what they had goes on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from tests.journeys.conftest import HeldUp, Journey, Start, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # some wait out delays of up to 40 s

WITHIN_S = 20.0  # ten seconds, and as much again for a machine that is slow


@contextmanager
def hanging(here: Journey, what: str) -> Iterator[None]:
    """As after a SIGSTOP to all of its processes."""
    servers = here.system.servers
    own = {"redis": servers.valkey, "postgresql": servers.postgres}
    if what == "comfyui":
        pid = here.comfyui.pid
    else:
        server = own[what]
        assert server is not None
        pid = server.process.pid
    main = psutil.Process(pid)
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


def goes_on(here: Journey, held: HeldUp) -> None:
    """The next worker takes over the job of the one that has stopped, and does not run it again."""
    held.let_go()
    here.restart("worker")
    job = here.completed(held.id)
    assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
    assert here.times_run() == [1]


def leads(here: Journey) -> None:
    """Return once the scheduler does."""
    until(lambda: "scheduler.leads" in here.system.processes["scheduler"].tail(1000))


@pytest.mark.landing
def test_a_worker_stops_in_time_while_comfyui_hangs(here: Journey) -> None:
    held = here.held_up()
    with hanging(here, "comfyui"):
        stop(here, "worker")
    goes_on(here, held)


def test_the_lock_of_a_scheduler_that_stops_is_free_for_the_next(here: Journey) -> None:
    leads(here)
    stop(here, "scheduler")
    here.restart("scheduler")
    leads(here)


@pytest.mark.landing
def test_scheduler_and_worker_stop_in_time_while_something_hangs(journey: Start) -> None:
    with journey(own_servers=True) as here:
        for what in ("redis", "postgresql"):
            here.comfyui.reset()
            held = here.held_up()
            with hanging(here, what):
                stop(here, "scheduler")
                stop(here, "worker")
            here.restart("scheduler")
            leads(here)
            goes_on(here, held)


def members(here: Journey) -> list[psutil.Process]:
    """The processes that examine outputs for the worker, once there are any: two if it had a job at its start."""
    worker = psutil.Process(here.system.processes["worker"].pid)
    found: list[psutil.Process] = []

    def are_there() -> bool:
        below = worker.children(recursive=True)
        found[:] = [one for one in below if "worker_service.media.member" in one.cmdline()]
        return bool(found)

    until(are_there)
    return found


def test_what_examines_outputs_is_there_before_the_first_job_and_ends_with_its_worker(here: Journey) -> None:
    before = members(here)
    here.completed(here.submit()["id"])
    assert members(here) == before
    stop(here, "worker")
    until(lambda: not any(member.is_running() for member in before))


@pytest.mark.landing
def test_what_examines_outputs_ends_though_its_worker_was_killed(here: Journey) -> None:
    found = members(here)
    worker = psutil.Process(here.system.processes["worker"].pid)
    for process in (worker, *worker.children(recursive=True)):
        if process not in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    until(lambda: not any(member.is_running() for member in found))
