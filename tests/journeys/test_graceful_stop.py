"""Worker and scheduler are gone soon after a SIGTERM, whatever hangs, and what they had goes on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from tests.journeys.conftest import HeldUp, Journey, Start, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # some wait out delays of up to 40 s


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


def goes_on(here: Journey, held: HeldUp) -> None:
    """The next worker takes over the job of the one that has stopped, and does not run it again."""
    held.let_go()
    here.restart("worker")
    job = here.completed(held.id)
    assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
    assert here.times_run() == [1]


@pytest.mark.landing
def test_a_worker_stops_in_time_while_comfyui_hangs(here: Journey) -> None:
    held = here.held_up()
    with hanging(here, "comfyui"):
        here.stop("worker")
    goes_on(here, held)


@pytest.mark.landing
def test_scheduler_and_worker_stop_in_time_while_something_hangs(journey: Start) -> None:
    with journey(own_servers=True) as here:
        for what in ("redis", "postgresql"):
            here.comfyui.reset()
            held = here.held_up()
            with hanging(here, what):
                here.stop("scheduler")
                here.stop("worker")
            here.restart("scheduler")
            here.leads()
            goes_on(here, held)


@pytest.mark.landing
def test_what_examines_outputs_ends_though_its_worker_was_killed(here: Journey) -> None:
    found = here.members()
    worker = psutil.Process(here.system.processes["worker"].pid)
    for process in (worker, *worker.children(recursive=True)):
        if process not in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    until(lambda: not any(member.is_running() for member in found))
