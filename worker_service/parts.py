"""The parts of a worker that are made from settings: leases, servers, tasks, clean-ups, what goes out, storage."""

import ssl
import threading
from functools import partial

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from shared.accounts.retention import usual_retention
from shared.configuration.settings import Settings
from shared.fleet.fence import Fence
from shared.messaging.due_work import WakeUps
from shared.messaging.messenger import Messenger
from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from shared.outgoing.trust import trust
from shared.storage.moving import MovingStore
from shared.storage.store import OutputStore
from shared.tasks.due import due_tasks
from shared.usage.budgets import usual_budgets
from worker_service.cleanup.portion import Tools
from worker_service.cleanup.run import RUNS_FOR, Cleaner
from worker_service.fleet.health import Fleet
from worker_service.fleet.restart_command import Restarter
from worker_service.fleet.timings import FleetTimings
from worker_service.metrics.storage import FreeSpace, show_whether_away
from worker_service.notifications.message import Letterhead
from worker_service.notifications.post_office import PostOffice
from worker_service.notifications.sender import Mailing
from worker_service.run.leases import Leases
from worker_service.run.resources import RunResources
from worker_service.run.storage import StorageWatch, check_own_disk
from worker_service.tasks.kinds import STEPS
from worker_service.tasks.turns.runner import TaskRunner
from worker_service.tasks.turns.turn import TaskResources


def trusted(settings: Settings) -> ssl.SSLContext | None:
    """What certificates are held to. Each kind of peer gets its own: clients of HTTP write on theirs that they speak
    HTTP (ALPN), and a mail server may refuse who does."""
    return trust(settings.ca_file)


def create_outgoing(settings: Settings) -> Outgoing:
    return Outgoing(allowed_by(settings.outgoing_allow or ()), tls=trusted(settings))


def create_mailing(settings: Settings, engine: Engine, closing: threading.Event) -> Mailing | None:
    """What sends e-mail, where the settings say by which server."""
    if settings.smtp_url is None:
        return None
    assert settings.mail_from, "the settings have it with SMTP_URL"
    assert settings.public_url, "the settings have it with SMTP_URL"
    letterhead = Letterhead(settings.mail_from, settings.public_url)
    return Mailing(engine, PostOffice(settings.smtp_url, tls=trusted(settings)), letterhead, closing)


def create_leases(settings: Settings, engine: Engine, worker_id: str, storage: StorageWatch) -> Leases:
    threads, duration = settings.worker_threads, settings.lease_duration
    return Leases(engine, worker_id, threads=threads, duration=duration, storage_problem=storage.problem)


def create_storage_watch(
    store: OutputStore, registry: CollectorRegistry, closing: threading.Event, every_s: float
) -> StorageWatch:
    watch = StorageWatch((store.check, check_own_disk, FreeSpace(registry, store)), closing, every_s)
    show_whether_away(registry, watch.problem)
    return watch


def create_tasks(
    settings: Settings, run: RunResources, outgoing: Outgoing, wake_jobs: WakeUps, moving: MovingStore | None
) -> TaskRunner:
    fence = Fence(settings.allowed_nodes, settings.denied_nodes or ())
    return TaskRunner(
        run.leases.worker_id,
        settings.lease_duration,
        settings.limit_running_tasks,
        TaskResources(
            run.messenger,
            run.store,
            run.media,
            fence,
            wake_jobs.send_missing,
            outgoing,
            settings.archive_max_bytes,
            settings.sharing,
            usual_budgets(settings),
            settings.asset_lifetime,
            moving,
        ),
        STEPS,
        run.storage.closing,
        partial(WakeUps(run.messenger, due_tasks(settings.limit_running_tasks)).send_one, 0),
    )


def create_cleaner(settings: Settings, messenger: Messenger, store: OutputStore, closing: threading.Event) -> Cleaner:
    tools = Tools(messenger, store, usual_retention(settings), settings.retention_orphans)
    return Cleaner(tools, closing, runs_for=min(RUNS_FOR, settings.soft_time_limit / 2))


def create_fleet(settings: Settings, engine: Engine, timings: FleetTimings) -> Fleet:
    command = settings.comfyui_restart_command
    restart = Restarter(command) if command else None
    fleet = Fleet(engine, (), slots=settings.comfyui_slots, restart=restart, timings=timings)
    fleet.tls = trusted(settings)
    for url in settings.comfyui_urls:
        fleet.add(url)
    fleet.take_files_of(settings.output_max_bytes)
    return fleet
