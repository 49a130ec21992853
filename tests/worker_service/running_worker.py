"""A worker in this process, as the `dramatiq` command makes it, with shorter waits."""

import atexit
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import dramatiq

from shared.configuration.settings import load_settings
from tests.worker_service.waiting import PATIENCE_S, until
from worker_service.dramatiq_glue.middleware import LimitTimings
from worker_service.fleet.timings import FleetTimings
from worker_service.main import close, create_broker, create_resources
from worker_service.media.pool import MediaPool
from worker_service.resources import Resources, Timings
from worker_service.run.prompt.mailbox import Mailbox, Signal
from worker_service.run.prompt.timings import RunTimings

# Tenths of the waits of production, where no test is about how long they are.
QUICK = Timings(
    run=RunTimings(
        deaf_after_s=1.0,
        look_every_s=1.0,
        look_again_s=0.1,
        refused_s=0.5,
        withdraw_every_s=0.2,
        withdraw_shortly_s=1.5,
        queue_patience_s=3.0,
        read_again_s=(0.05, 0.1, 0.2),
    ),
    fleet=FleetTimings(follow_every_s=0.3, canary_s=0.6, read_log_after_s=0.4, stuck_after_s=2.5),
    limits=LimitTimings(check_every_s=0.1),
)


class AtOnce(random.Random):
    """Draws the shortest delay there is, so that every retry comes at once."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


def at_once(resources: Resources, **changes: Any) -> Resources:
    """The same with other things for its jobs, whose retries come at once."""
    jobs = resources.jobs
    return replace(resources, jobs=replace(jobs, run=replace(jobs.run, chance=AtOnce(), **changes)))


class KeptPool(MediaPool):
    """Serves one worker after another: its members keep nothing of a file, and each would take 0.1 s to start."""

    def close(self) -> None:
        """Only with these tests' process."""


@cache
def kept_pool() -> KeptPool:
    pool = KeptPool(2)
    atexit.register(MediaPool.close, pool)
    return pool


class RunningWorker:
    """A worker as the `dramatiq` command makes it, in this process. `changes` replace what its jobs use."""

    def __init__(self, environ: dict[str, str], timings: Timings = QUICK, **changes: Any) -> None:
        settings = load_settings(environ)
        self.resources = at_once(create_resources(settings, timings), **{"media": kept_pool(), **changes})
        self.broker = create_broker(settings, self.resources)
        self.worker = dramatiq.Worker(self.broker, worker_threads=settings.worker_threads, worker_timeout=100)
        self.worker.queue_prefetch = settings.worker_threads
        self.stopped = False

    def stop(self) -> None:
        """Stop as at a SIGTERM: running jobs are given back."""
        if not self.stopped:
            self.stopped = True
            self.worker.stop(timeout=30_000)
            self.close()

    def close(self) -> None:
        close(self.resources)
        self.broker.client.close()

    def look(self) -> None:
        """Look at every server now, as happens every few seconds."""
        for client in self.resources.fleet.clients.values():
            self.resources.fleet.probe(client)

    def listen(self) -> None:
        """Open its socket to each server, as its first prompt there does without waiting for it."""
        for client in self.resources.fleet.clients.values():
            socket = self.resources.jobs.run.sockets.own_of(client)
            with socket.listening("nobody's", Mailbox()):
                assert socket.connected.wait(PATIENCE_S)

    def until(self, holds: Callable[[], object]) -> None:
        """Look at every server until something holds."""

        def found() -> object:
            self.look()
            return holds()

        until(found)

    def look_at_prompts(self) -> None:
        """Have each job here look at its prompt now, as word from a socket does, and not seconds later."""
        leases = self.resources.leases
        with leases.lock:
            mailboxes = list(leases.mailboxes.values())
        for mailbox in mailboxes:
            mailbox.signal(Signal.LOOK)

    def heard(self, job_id: int) -> set[Signal]:
        """The signals that have come for a job that is held here."""
        leases = self.resources.leases
        with leases.lock:
            found = [mailbox.heard for lease, mailbox in leases.mailboxes.items() if lease.job_id == job_id]
        return set().union(*found)
