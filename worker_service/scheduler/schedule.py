"""What the scheduler does, and how often."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from shared.configuration.settings import Settings
from shared.files.store import OutputStore
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import DueWork, WakeUps
from shared.messaging.messenger import Messenger
from shared.webhooks.due import due_deliveries
from worker_service.scheduler.sweeps import (
    end_worn_out_jobs,
    forget_servers,
    forget_workers,
    remove_discarded_folders,
    remove_expired_assets,
    remove_expired_tickets,
    remove_old_deliveries,
)


class SweepResources(NamedTuple):
    """What the sweeps of SCHEDULE work with."""

    messenger: Messenger
    store: OutputStore
    due_work: Sequence[DueWork]


class Sweep(NamedTuple):
    """Something to do every so often, that does no harm when it is done once more."""

    name: str
    every: timedelta
    action: Callable[[SweepResources], object]


def due_work(settings: Settings) -> Sequence[DueWork]:
    """Everything that workers are woken for."""
    return (due_jobs(settings.limit_running_jobs, is_fair=settings.is_fair), due_deliveries())


def send_missing_wakeups(resources: SweepResources) -> None:
    for work in resources.due_work:
        WakeUps(resources.messenger, work).send_missing()


SCHEDULE = (
    # Wake-ups that Redis lost, retries and start times that have come, leases that ran out; deadlines that passed.
    Sweep("send missing wake-ups", timedelta(seconds=2), send_missing_wakeups),
    Sweep("end jobs that no worker can end", timedelta(seconds=10), lambda by: end_worn_out_jobs(by.messenger)),
    Sweep("remove expired tickets", timedelta(minutes=1), lambda by: remove_expired_tickets(by.messenger.engine)),
    Sweep("remove old deliveries", timedelta(minutes=10), lambda by: remove_old_deliveries(by.messenger.engine)),
    Sweep("forget servers that nobody names", timedelta(minutes=1), lambda by: forget_servers(by.messenger.engine)),
    Sweep("forget workers that are gone", timedelta(minutes=10), lambda by: forget_workers(by.messenger.engine)),
    Sweep("remove expired assets", timedelta(minutes=1), lambda by: remove_expired_assets(by.messenger.engine)),
    # Files of deleted jobs and assets that were not removed with them, or that came after.
    Sweep(
        "remove files of deleted jobs and assets",
        timedelta(minutes=1),
        lambda by: remove_discarded_folders(by.messenger.engine, by.store),
    ),
)
