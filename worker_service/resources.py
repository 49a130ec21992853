"""What one worker process has, made in `main` and handed to every job."""

import os
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from shared.configuration.settings import Settings
from shared.database.engine import patiently
from shared.files.folders import discard_attempt_folder
from shared.files.store import OutputStore
from shared.jobs import lifecycle
from shared.jobs.attempts import Lease
from shared.jobs.errors import NotAFailure, TimedOut
from shared.jobs.lifecycle import AlreadySettled
from shared.messaging.after_commit import Outbox
from worker_service.dramatiq_glue.consumer import Room
from worker_service.dramatiq_glue.signals import Calls
from worker_service.fleet.capability_reader import Surveyor
from worker_service.fleet.health import Fleet, Lookout
from worker_service.run.leases import Leases
from worker_service.run.mailbox import Signal
from worker_service.scheduler.wakeups import WakeUps

log = structlog.get_logger(__name__)

PATIENCE = timedelta(minutes=5)  # with a database that is away when a result is to be written


@dataclass(frozen=True)
class Resources:
    settings: Settings
    engine: Engine
    outbox: Outbox
    store: OutputStore
    fleet: Fleet
    leases: Leases
    room: Room
    calls: Calls
    wakeups: WakeUps
    worker_id: str
    closing: threading.Event = field(default_factory=threading.Event)
    chance: random.Random = field(default_factory=random.Random)

    def settle(self, deed: Callable[[Session], object]) -> None:
        """Make a transition in a transaction of its own, for as long as it takes the database to be back.

        One whose commit went through unheard is not made twice.
        """

        def work() -> None:
            with self.outbox.transaction() as session:
                deed(session)

        try:
            patiently(work, patience=PATIENCE)
        except AlreadySettled:
            log.info("job.settled_before")

    def server_is_gone(self, server: str, problem: str) -> None:
        """Give a server no more jobs until it answers again."""
        patiently(lambda: self.fleet.record_loss(server, problem), patience=PATIENCE)

    def server_is_wedged(self, server: str, problem: str) -> None:
        """Give a server no more jobs until it is seen to work again, and have it restarted."""
        patiently(lambda: self.fleet.record_wedge(server, problem), patience=PATIENCE)

    def give_up(self, thread: int) -> None:
        """A thread is stuck beyond the hard limit: fail its job, and give back the others, before the process ends.

        One that is being cancelled is given back too: the next worker knows how to see to it.
        """
        held = self.leases.by_holder()
        stuck = held.pop(thread, None)
        for lease in held.values():
            self.give_back(lease)
        if stuck is None:
            return
        error = TimedOut(self.settings.hard_time_limit.total_seconds())
        try:
            with self.outbox.transaction() as session:
                discard_attempt_folder(session, lifecycle.fail(session, stuck, error), stuck.attempt)
        except NotAFailure:
            self.give_back(stuck)

    def give_back(self, lease: Lease) -> None:
        with self.outbox.transaction() as session:
            lifecycle.release(session, lease)

    def start(self) -> None:
        """Start the threads that beat, look out for servers, and listen to what is called out."""
        for name, client in self.fleet.clients.items():
            Lookout(self.fleet, client, self.closing).start()
            Surveyor(self.engine, client, news=self.fleet.news[name], closing=self.closing).start()
        self.leases.start()
        self.calls.start()

    def stop_jobs(self) -> None:
        """Ask every running job to leave its prompt to ComfyUI, and take no new one."""
        self.closing.set()
        self.leases.signal_all(Signal.STOP)

    def close(self) -> None:
        self.closing.set()
        self.leases.close()
        self.calls.close()
        self.fleet.close()
        self.engine.dispose()


def new_worker_id() -> str:
    """A name no other worker has, that an operator can find: host, process, and something drawn."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
