"""What one worker process has. Only `main` and tests see all of it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from worker_service.actors.run_comfy_job import JobRunner
from worker_service.delivering.threads import Deliverer
from worker_service.dramatiq_glue.consumer import Capacity
from worker_service.dramatiq_glue.middleware import LimitTimings
from worker_service.dramatiq_glue.signals import SignalListener
from worker_service.fleet.health import Fleet
from worker_service.fleet.timings import FleetTimings
from worker_service.run.leases import Leases
from worker_service.run.prompt.timings import RunTimings


@dataclass(frozen=True)
class Timings:
    """How long this process waits: one record for each concern. Tests pass tenths of these."""

    run: RunTimings = field(default_factory=RunTimings)
    fleet: FleetTimings = field(default_factory=FleetTimings)
    limits: LimitTimings = field(default_factory=LimitTimings)


@dataclass(frozen=True)
class Resources:
    engine: Engine
    fleet: Fleet
    leases: Leases
    capacity: Capacity
    signals: SignalListener
    jobs: JobRunner
    deliverers: Sequence[Deliverer]  # of webhooks, and of e-mail where there is a server that takes it
    closing: threading.Event
    timings: Timings
    registry: CollectorRegistry  # of what this process counts
