"""What the scheduler does, and how often."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from shared.configuration.settings import Settings
from shared.fleet.history import FINE
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import DueWork, WakeUps
from shared.messaging.messenger import Messenger
from shared.notifications.mails import due_mail
from shared.schedules.due import run_due
from shared.schedules.runs import Quotas
from shared.tasks.due import due_tasks
from shared.usage.budgets import usual_budgets
from shared.usage.days import add_up
from shared.webhooks.due import due_deliveries
from worker_service.cleanup.claim import due_clean_ups
from worker_service.scheduler.history import take_sample
from worker_service.scheduler.news import remove_old_news, tell_of_batches, tell_of_servers
from worker_service.scheduler.sweeps import (
    end_worn_out_jobs,
    forget_servers,
    forget_workers,
    remove_expired_tasks,
    remove_expired_tickets,
)


class SweepResources(NamedTuple):
    """What the sweeps of SCHEDULE work with."""

    messenger: Messenger
    due_work: Sequence[DueWork]
    quotas: Quotas


class Sweep(NamedTuple):
    """Something to do every so often, that does no harm when it is done once more."""

    name: str
    every: timedelta
    action: Callable[[SweepResources], object]


def due_work(settings: Settings) -> Sequence[DueWork]:
    """Everything that workers are woken for. What is cleaned up there, and how often, is in CLEAN_UPS."""
    mail = () if settings.smtp_url is None else (due_mail(),)
    tasks = due_tasks(settings.limit_running_tasks)
    return (
        due_jobs(settings.sharing),
        due_deliveries(),
        tasks,
        due_clean_ups(),
        *mail,
    )


def quotas(settings: Settings) -> Quotas:
    """What the jobs of schedules are held to, where a key has no limits and a user no budget of its own."""
    usual = usual_budgets(settings)
    return Quotas(settings.limit_queued_jobs, settings.limit_stored_bytes, settings.sharing, usual)


def send_missing_wakeups(resources: SweepResources) -> None:
    for work in resources.due_work:
        WakeUps(resources.messenger, work).send_missing()


SCHEDULE = (
    # Wake-ups that Redis lost, retries and start times that have come, leases that ran out; deadlines that passed;
    # deliveries and clean-ups that are due.
    Sweep("send missing wake-ups", timedelta(seconds=2), send_missing_wakeups),
    # The jobs of schedules whose time has come.
    Sweep("run schedules", timedelta(seconds=1), lambda by: run_due(by.messenger, by.quotas)),
    Sweep("end jobs that no worker can end", timedelta(seconds=10), lambda by: end_worn_out_jobs(by.messenger)),
    Sweep("add up what was used", timedelta(seconds=10), lambda by: add_up(by.messenger.engine)),
    Sweep("note how much there is to do", FINE, lambda by: take_sample(by.messenger.engine)),
    Sweep("remove expired tickets", timedelta(minutes=1), lambda by: remove_expired_tickets(by.messenger.engine)),
    Sweep("tell users of batches that are done", timedelta(seconds=2), lambda by: tell_of_batches(by.messenger)),
    Sweep("tell admins of servers in trouble", timedelta(seconds=10), lambda by: tell_of_servers(by.messenger)),
    Sweep("remove old notifications", timedelta(minutes=10), lambda by: remove_old_news(by.messenger.engine)),
    Sweep("remove expired tasks", timedelta(minutes=10), lambda by: remove_expired_tasks(by.messenger)),
    Sweep("forget servers that nobody names", timedelta(minutes=1), lambda by: forget_servers(by.messenger.engine)),
    Sweep("forget workers that are gone", timedelta(minutes=10), lambda by: forget_workers(by.messenger.engine)),
)
