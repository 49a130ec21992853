"""The worker service: `dramatiq worker_service.main:start`."""

import warnings

import dramatiq
from dramatiq.middleware import CurrentMessage, Retries, TimeLimit
from PIL import Image
from sqlalchemy import Engine

from shared.configuration.logging import configure_logging
from shared.configuration.settings import Settings, settings_or_exit
from shared.database.engine import create_engine
from shared.database.schema import exit_unless_migrated
from shared.files.store import open_store
from shared.jobs.claim.due import due_jobs
from shared.messaging.after_commit import Outbox
from shared.messaging.broker import sending_broker
from shared.messaging.due_work import WakeUps
from shared.messaging.events import Channels
from shared.messaging.redis_clients import hasty_client, patient_client
from worker_service.actors.run_comfy_job import run_comfy_job
from worker_service.dramatiq_glue.consumer import AttentiveBroker, Bell, Room
from worker_service.dramatiq_glue.signals import Calls
from worker_service.fleet.health import Fleet
from worker_service.fleet.restart_command import Restarter
from worker_service.middleware.hard_time_limit import HardTimeLimit
from worker_service.middleware.log_context import LogContext
from worker_service.middleware.presence import Presence
from worker_service.middleware.prompt_exit import PromptExit
from worker_service.middleware.recycling import Recycling
from worker_service.resources import Resources, new_worker_id
from worker_service.run.leases import Leases

RECEIVERS = (run_comfy_job,)

OTHER_CONNECTIONS = 5  # heartbeat, lookouts, surveyors, hard limit: beside one for each job's thread


def start() -> None:
    """Called by the `dramatiq` command in each of its processes: build what it needs, and name its broker."""
    settings = settings_or_exit()
    configure_logging(settings, service="worker")
    exit_unless_migrated(settings, application="worker")
    # Pillow warns of a decompression bomb where it could refuse one: in a service it shall refuse.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    broker = create_broker(settings, create_resources(settings))
    # Here and not below: it may end the process, which is then this one's own.
    broker.add_middleware(PromptExit())
    dramatiq.set_broker(broker)


def create_broker(settings: Settings, resources: Resources) -> AttentiveBroker:
    broker = AttentiveBroker(
        patient_client(settings.broker_url),
        settings,
        resources.room,
        middleware=[  # before-hooks run from the first to the last, after-hooks from the last to the first
            LogContext(),  # before Retries: what it logs last must know whether the message failed
            Recycling(settings.worker_max_messages),
            Presence(resources),
            CurrentMessage(),
            Retries(min_backoff=1_000, max_backoff=60_000),  # for a database that is away; jobs say their own delay
            TimeLimit(time_limit=settings.soft_time_limit.total_seconds() * 1000),
            HardTimeLimit(settings.hard_time_limit, resources.give_up),
        ],
    )
    for receiver in RECEIVERS:
        receiver.bind(broker, resources)
    return broker


def create_resources(settings: Settings) -> Resources:
    engine = create_engine(settings, application="worker", connections=settings.worker_threads + OTHER_CONNECTIONS)
    channels = Channels(settings.redis_ns)
    outbox = Outbox(engine, sending_broker(settings), hasty_client(settings.redis_url), channels)
    worker_id = new_worker_id()
    leases = Leases(engine, worker_id, threads=settings.worker_threads)
    bell, fleet = Bell(), create_fleet(settings, engine)
    return Resources(
        settings=settings,
        engine=engine,
        outbox=outbox,
        store=open_store(settings.storage_url),
        fleet=fleet,
        leases=leases,
        room=Room(sum(fleet.slots.values()), bell),
        calls=Calls(hasty_client(settings.redis_url), channels, leases, bell),
        wakeups=WakeUps(outbox, due_jobs(settings.limit_running_jobs)),
        worker_id=worker_id,
    )


def create_fleet(settings: Settings, engine: Engine) -> Fleet:
    command = settings.comfyui_restart_command
    restart = Restarter(command) if command else None
    return Fleet(engine, settings.comfyui_urls, slots=settings.comfyui_slots, restart=restart)
