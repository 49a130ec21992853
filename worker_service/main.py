"""The worker service: `dramatiq worker_service.start:start`. Only here is everything built and put together."""

import os
import socket
import threading
from functools import partial
from typing import Any
from uuid import uuid4

import dramatiq
from dramatiq.middleware import CurrentMessage, Retries

from shared.configuration.logging import configure_logging
from shared.configuration.secrets.vault import open_vault
from shared.configuration.settings import Settings, environment, settings_or_exit
from shared.database.engine import create_engine
from shared.database.schema import exit_unless_migrated
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import WakeUps
from shared.messaging.messages import RunComfyJob
from shared.messaging.opening import open_messenger
from shared.messaging.redis_clients import hasty_client, patient_client
from shared.metrics.exposition import expose_or_exit, new_registry
from shared.metrics.jobs import JobMetrics
from shared.storage.opening import storage_or_exit
from shared.tracing.opening import open_tracing_or_exit
from shared.tracing.tracing import OFF, Tracing
from worker_service.actors.clean_up import clean_up
from worker_service.actors.deliver_webhooks import deliver_webhooks
from worker_service.actors.run_comfy_job import JobRunner, run_comfy_job
from worker_service.actors.run_task import run_task
from worker_service.actors.send_mail import send_mail
from worker_service.dramatiq_glue.consumer import AttentiveBroker, Capacity, WakeConsumers
from worker_service.dramatiq_glue.middleware import BackgroundThreads, HardTimeLimit, LogContext, PromptExit
from worker_service.dramatiq_glue.orphans import EndWithParent
from worker_service.dramatiq_glue.receiver import Receiver
from worker_service.dramatiq_glue.recycling import Recycling
from worker_service.dramatiq_glue.signals import SignalListener
from worker_service.dramatiq_glue.soft_time_limit import SoftTimeLimit
from worker_service.fleet.roster import LOOKERS, Roster
from worker_service.media.pool import MediaPool, members_for
from worker_service.metrics.attempts import AttemptMetrics
from worker_service.metrics.deliveries import WebhookMetrics
from worker_service.metrics.messages import MessageMetrics
from worker_service.notifications.sender import THREADS as MAIL_THREADS
from worker_service.parts import (
    create_cleaner,
    create_fleet,
    create_leases,
    create_mailing,
    create_outgoing,
    create_storage_watch,
    create_tasks,
)
from worker_service.resources import Resources, Timings
from worker_service.run.prompt.sockets import Sockets
from worker_service.run.resources import JobLimits, RunResources
from worker_service.run.settle import give_up
from worker_service.webhooks.sender import THREADS as WEBHOOK_THREADS
from worker_service.webhooks.sender import Deliveries

RECEIVERS: tuple[Receiver[Any, Any], ...] = (run_comfy_job, deliver_webhooks, send_mail, run_task, clean_up)

PRODUCTION = Timings()
# Heartbeats of jobs and of a task, health probes, capability readers, hard limit, clean-ups, webhooks, e-mail: beside
# one for each job's thread.
OTHER_CONNECTIONS = 7 + WEBHOOK_THREADS + MAIL_THREADS


def start() -> None:
    """Called by the `dramatiq` command in each of its processes: build what it needs, and name its broker."""
    settings = settings_or_exit()
    configure_logging(settings, service="worker")
    exit_unless_migrated(settings, application="worker")
    tracing = open_tracing_or_exit(settings.otel_exporter_otlp_endpoint, "worker", environment())
    resources = create_resources(settings, tracing=tracing)
    expose_or_exit(settings, resources.registry)
    broker = create_broker(settings, resources)
    # Here and not below: they may end the process, which is then this one's own.
    broker.add_middleware(PromptExit())
    broker.add_middleware(EndWithParent())
    broker.add_middleware(MessageMetrics(resources.registry))  # it counts from when a process has booted
    dramatiq.set_broker(broker)
    threading.Thread(target=resources.jobs.run.media.warm, name="media-warm-up", daemon=True).start()


def create_broker(settings: Settings, resources: Resources) -> AttentiveBroker:
    jobs, limits = resources.jobs, resources.timings.limits
    stuck = partial(
        give_up,
        messenger=jobs.run.messenger,
        leases=resources.leases,
        limit=settings.hard_time_limit,
        storage=jobs.run.storage,
    )
    soft_limit = SoftTimeLimit(
        time_limit=settings.soft_time_limit.total_seconds() * 1000, interval=round(limits.check_every_s * 1000)
    )
    hard_limit = HardTimeLimit(settings.hard_time_limit, stuck, check_every_s=limits.check_every_s)
    jobs.run.queue_time.limits += [soft_limit.put_off, hard_limit.put_off]
    broker = AttentiveBroker(
        patient_client(settings.broker_url),
        settings,
        resources.capacity,
        middleware=[  # before-hooks run from the first to the last, after-hooks from the last to the first
            LogContext(),  # before Retries: what it logs last must know whether the message failed
            Recycling(RunComfyJob.actor_name, settings.worker_max_messages),
            BackgroundThreads(
                jobs.worker_id,
                background_threads(resources),
                stop_jobs=partial(stop_jobs, resources),
                close=partial(close, resources),
            ),
            CurrentMessage(),
            Retries(min_backoff=1_000, max_backoff=60_000),  # for a database that is away; jobs say their own delay
            soft_limit,
            hard_limit,
        ],
    )
    for receiver in RECEIVERS:
        receiver.bind(broker, jobs)
    return broker


def create_resources(settings: Settings, timings: Timings = PRODUCTION, tracing: Tracing = OFF) -> Resources:
    engine = create_engine(settings, application="worker", connections=settings.worker_threads + OTHER_CONNECTIONS)
    closing, registry = threading.Event(), new_registry("worker")
    messenger = open_messenger(engine, settings, JobMetrics(registry).count)
    worker_id, wake_consumers = new_worker_id(), WakeConsumers()
    fleet = create_fleet(settings, engine, timings.fleet)
    store, moving = storage_or_exit(settings)
    storage = create_storage_watch(store, registry, closing, timings.run.storage_every_s)
    leases = create_leases(settings, engine, worker_id, storage)
    capacity = Capacity(fleet.slots, wake_consumers)
    run = RunResources(
        messenger,
        store,
        MediaPool(members_for(settings.worker_threads)),
        fleet,
        leases,
        Sockets(worker_id),
        storage,
        JobLimits.of(settings),
        timings.run,
        keep_history=settings.comfyui_keep_history,
        vault=open_vault(settings.secrets_key_file),
        metrics=AttemptMetrics(registry),
        tracing=tracing,
    )
    wake_jobs = WakeUps(messenger, due_jobs(settings.sharing))
    outgoing = create_outgoing(settings)
    webhooks = Deliveries(engine, outgoing, closing, WebhookMetrics(registry).count, root=settings.root_path)
    mailing = create_mailing(settings, engine, closing)
    wakes = {"wake_webhooks": webhooks.wake, **({"wake_mail": mailing.wake} if mailing else {})}
    wakes["clean_up"] = create_cleaner(settings, messenger, store, closing).do_due
    tasks = create_tasks(settings, run, outgoing, wake_jobs, moving).run_one
    running, listening = settings.limit_running_jobs, hasty_client(settings.redis_url)
    jobs = JobRunner(worker_id, running, closing, capacity, wake_jobs.send_one, run, **wakes, run_tasks=tasks)
    signals = SignalListener(
        listening, messenger.channels, cancel=leases.cancel, wake=wake_consumers, look=run.sockets.look
    )
    deliverers = (webhooks, mailing) if mailing else (webhooks,)
    return Resources(engine, fleet, leases, capacity, signals, jobs, deliverers, closing, timings, registry)


def background_threads(resources: Resources) -> list[threading.Thread]:
    """What runs beside the jobs: probes and readers of each server, what follows those that are added, the heartbeat,
    the signals from Redis, a watch on the store, and what delivers webhooks and e-mail."""
    fleet, closing, run = resources.fleet, resources.closing, resources.jobs.run
    of_servers = [make(fleet, client, closing) for client in fleet.clients.values() for make in LOOKERS]
    roster = Roster(fleet, run.vault, resources.capacity, run.sockets.forget, closing)
    deliver = [thread for one in resources.deliverers for thread in one.new_threads()]
    return [*of_servers, roster, resources.leases, resources.signals, run.storage, *deliver]


def stop_jobs(resources: Resources) -> None:
    """Have every running job leave its prompt to ComfyUI, and take no new one."""
    resources.closing.set()
    resources.jobs.run.sockets.close()
    resources.leases.stop_all()


def close(resources: Resources) -> None:
    resources.closing.set()
    for deliverer in resources.deliverers:
        deliverer.stop()
    resources.leases.close()
    resources.signals.close()
    resources.jobs.run.sockets.close()
    resources.fleet.close()
    resources.jobs.run.media.close()
    resources.jobs.run.messenger.close()
    resources.engine.dispose()
    resources.jobs.run.tracing.close()


def new_worker_id() -> str:
    """A name no other worker has, by which an operator finds it: host, process, and something random."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
