"""The scheduler sends what is due periodically, and does nothing else: `python -m worker_service.scheduler`.

Of several schedulers one leads, by a lock in PostgreSQL that is free the moment its holder is gone.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from typing import NamedTuple

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared.broker import sending_broker
from shared.database import create_engine
from shared.events import Channels
from shared.logging import configure_logging
from shared.outbox import Outbox
from shared.redis_clients import hasty_client
from shared.settings import Settings, settings_or_exit
from worker_service.wakeups import WakeUps

log = structlog.get_logger(__name__)

LEADER_LOCK = 0x67656E6F  # "geno": a number that nothing else in this database locks
SILENCE = timedelta(seconds=10)
LOOK_S = 1.0  # how often a stand-by tries to lead, and the leader looks whether it still does


class Periodic(NamedTuple):
    """Something to do every so often, that does no harm when it is done once more."""

    name: str
    every: timedelta
    deed: Callable[[WakeUps], object]


SCHEDULE = (
    # Wake-ups that Redis lost, retries and start times that have come, leases that ran out; deadlines that passed.
    Periodic("send missing wake-ups", timedelta(seconds=2), WakeUps.send_missing),
)


def main() -> None:
    settings = settings_or_exit()
    configure_logging(settings, service="scheduler")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    run(settings, stopping)


def run(settings: Settings, stopping: threading.Event) -> None:
    """Lead, or stand by to lead, until told to stop."""
    engine = create_engine(settings, application="scheduler", connections=3)
    client = hasty_client(settings.redis_url)
    outbox = Outbox(engine, sending_broker(settings), client, Channels(settings.redis_ns))
    wakeups = WakeUps(outbox, slots=settings.comfyui_slots, running_jobs=settings.limit_running_jobs)
    log.info("scheduler.started")
    while not stopping.is_set():
        try:
            with leadership(engine) as held:
                if held is not None:
                    lead(held, wakeups, stopping)
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


def lead(held: Connection, wakeups: WakeUps, stopping: threading.Event) -> None:
    """Follow SCHEDULE until told to stop. Raises SQLAlchemyError once the lock's connection is gone."""
    scheduler = BackgroundScheduler(timezone=UTC)
    for periodic in SCHEDULE:
        scheduler.add_job(
            periodic.deed,
            "interval",
            args=[wakeups],
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


if __name__ == "__main__":
    main()
