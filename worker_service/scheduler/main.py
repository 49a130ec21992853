"""The scheduler does what is due periodically, and nothing else: `python -m worker_service.scheduler`.

Of several schedulers one leads, by a lock in PostgreSQL that is free the moment its holder is gone.
"""

import argparse
import os
import signal
import sys
import threading
from datetime import UTC

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from shared.configuration.logging import configure_logging
from shared.configuration.settings import Settings, settings_or_exit
from shared.database.engine import create_engine
from shared.database.schema import exit_unless_migrated
from shared.messaging.opening import open_messenger
from shared.messaging.redis_fitness import exit_if_redis_is_unfit
from shared.metrics.exposition import expose_or_exit, new_registry
from shared.metrics.jobs import JobMetrics
from worker_service.scheduler.gauges import RowGauges
from worker_service.scheduler.leadership import leadership
from worker_service.scheduler.overdue import Overdue
from worker_service.scheduler.schedule import SCHEDULE, Sweep, SweepResources, due_work, quotas

log = structlog.get_logger(__name__)

GRACE_S = 5.0  # a sweep is done in less
LOOK_S = 1.0  # how often a stand-by tries to lead, and the leader looks whether it still does


def main() -> None:
    argparse.ArgumentParser(prog="python -m worker_service.scheduler", description=__doc__).parse_args()
    settings = settings_or_exit()
    configure_logging(settings, service="scheduler")
    exit_unless_migrated(settings, application="scheduler")
    exit_if_redis_is_unfit(settings)
    registry = new_registry("scheduler")
    expose_or_exit(settings, registry)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    # In a thread, so that a signal is heard while a database hangs.
    running = threading.Thread(target=run, args=[settings, stopping, registry], name="scheduler", daemon=True)
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


def run(settings: Settings, stopping: threading.Event, registry: CollectorRegistry) -> None:
    """Lead, or stand by to lead, until stopped. What is counted is registered."""
    engine = create_engine(settings, application="scheduler", connections=4)
    gauges = RowGauges(engine, registry)
    messenger = open_messenger(engine, settings, JobMetrics(registry).count)
    resources = SweepResources(messenger, due_work(settings), quotas(settings))
    log.info("scheduler.started")
    while not stopping.is_set():
        try:
            with leadership(engine) as held:
                if held is not None:
                    with gauges.leading():
                        lead(held, resources, stopping)
        except SQLAlchemyError as error:
            log.warning("scheduler.lost_the_database", error=str(error))
        stopping.wait(LOOK_S)
    engine.dispose()
    messenger.close()
    log.info("scheduler.stopped")


def lead(held: Connection, resources: SweepResources, stopping: threading.Event) -> None:
    """Follow SCHEDULE until stopped. Raises SQLAlchemyError once the lock's connection is gone."""
    scheduler = BackgroundScheduler(timezone=UTC)
    Overdue().follow(scheduler)
    for sweep in SCHEDULE:
        scheduler.add_job(
            run_sweep,
            "interval",
            args=[sweep, resources],
            id=sweep.name,
            name=sweep.name,
            seconds=sweep.every.total_seconds(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    scheduler.start()
    log.info("scheduler.leads", schedule=[sweep.name for sweep in SCHEDULE])
    try:
        while not stopping.wait(LOOK_S):
            held.execute(text("SELECT 1"))
    finally:
        scheduler.shutdown()


def run_sweep(sweep: Sweep, resources: SweepResources) -> None:
    """What a sweep does not get done while the database is away, the next one does."""
    try:
        sweep.action(resources)
    except SQLAlchemyError as error:
        log.warning("sweep.failed", sweep=sweep.name, error=str(error))
