"""The scheduler does what is due periodically, and nothing else: `python -m worker_service.scheduler`.

Of several schedulers one leads, by a lock in PostgreSQL that is free the moment its holder is gone.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import NamedTuple

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared.configuration.logging import configure_logging
from shared.configuration.settings import Settings, settings_or_exit
from shared.database.engine import create_engine
from shared.database.schema import exit_unless_migrated
from shared.files.store import OutputStore, open_store
from shared.messaging.after_commit import Outbox
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels
from shared.messaging.redis_clients import hasty_client
from worker_service.scheduler.discard_folders import remove_discarded
from worker_service.scheduler.expire_tickets import remove_expired_tickets
from worker_service.scheduler.forget_servers import forget_servers
from worker_service.scheduler.wakeups import WakeUps

log = structlog.get_logger(__name__)

LEADER_LOCK = 0x67656E6F  # "geno": a number that nothing else in this database locks
GRACE_S = 5.0  # a sweep is done in less
SILENCE = timedelta(seconds=10)
LOOK_S = 1.0  # how often a stand-by tries to lead, and the leader looks whether it still does


class Periodic(NamedTuple):
    """Something to do every so often, that does no harm when it is done once more."""

    name: str
    every: timedelta
    deed: Callable[["Means"], object]


class Means(NamedTuple):
    """What the deeds of SCHEDULE are done with."""

    outbox: Outbox
    wakeups: WakeUps
    store: OutputStore


SCHEDULE = (
    # Wake-ups that Redis lost, retries and start times that have come, leases that ran out; deadlines that passed.
    Periodic("send missing wake-ups", timedelta(seconds=2), lambda means: means.wakeups.send_missing()),
    Periodic("remove expired tickets", timedelta(minutes=1), lambda means: remove_expired_tickets(means.outbox.engine)),
    Periodic(
        "forget servers that nobody names", timedelta(minutes=1), lambda means: forget_servers(means.outbox.engine)
    ),
    # Files of deleted jobs that were not removed with them, or that came after.
    Periodic(
        "remove files of deleted jobs", timedelta(minutes=1), lambda means: remove_discarded(means.outbox, means.store)
    ),
)


def main() -> None:
    argparse.ArgumentParser(prog="python -m worker_service.scheduler", description=__doc__).parse_args()
    settings = settings_or_exit()
    configure_logging(settings, service="scheduler")
    exit_unless_migrated(settings, application="scheduler")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    # In a thread, so that a signal is heard while a database hangs.
    running = threading.Thread(target=run, args=[settings, stopping], name="scheduler", daemon=True)
    running.start()
    while running.is_alive() and not stopping.wait(LOOK_S):
        pass
    running.join(GRACE_S)
    if running.is_alive():
        log.warning("scheduler.stopped_in_the_middle", after_s=GRACE_S)
        sys.stderr.flush()
        # Its lock is free once its connection is gone, and that goes with the process.
        os._exit(0)
    if not stopping.is_set():
        sys.exit(1)


def run(settings: Settings, stopping: threading.Event) -> None:
    """Lead, or stand by to lead, until told to stop."""
    engine = create_engine(settings, application="scheduler", connections=3)
    client = hasty_client(settings.redis_url)
    outbox = Outbox(engine, sending_broker(settings), client, Channels(settings.redis_ns))
    wakeups = WakeUps(outbox, running_jobs=settings.limit_running_jobs)
    means = Means(outbox, wakeups, open_store(settings.storage_url))
    log.info("scheduler.started")
    while not stopping.is_set():
        try:
            with leadership(engine) as held:
                if held is not None:
                    lead(held, means, stopping)
        except SQLAlchemyError as error:
            log.warning("scheduler.lost_the_database", error=str(error))
        stopping.wait(LOOK_S)
    engine.dispose()
    client.close()
    log.info("scheduler.stopped")


@contextmanager
def leadership(engine: Engine, *, silence: timedelta = SILENCE) -> Iterator[Connection | None]:
    """The connection that holds the lock, or None while another scheduler leads. Closed, it lets go.

    A leader that does nothing with it for as long as `silence` is deposed: stopped, it would hold the lock for ever.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            limit = {"limit": f"{silence.total_seconds() * 1000:.0f}ms"}
            connection.execute(text("SELECT set_config('idle_session_timeout', :limit, false)"), limit)
            got = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_LOCK})
            yield connection if got else None
        finally:
            # Not back into the pool: the lock belongs to the session.
            connection.invalidate()


def lead(held: Connection, means: Means, stopping: threading.Event) -> None:
    """Follow SCHEDULE until told to stop. Raises SQLAlchemyError once the lock's connection is gone."""
    scheduler = BackgroundScheduler(timezone=UTC)
    for periodic in SCHEDULE:
        scheduler.add_job(
            periodic.deed,
            "interval",
            args=[means],
            name=periodic.name,
            seconds=periodic.every.total_seconds(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    log.info("scheduler.leads", schedule=[periodic.name for periodic in SCHEDULE])
    try:
        while not stopping.wait(LOOK_S):
            held.execute(text("SELECT 1"))
    finally:
        scheduler.shutdown()
