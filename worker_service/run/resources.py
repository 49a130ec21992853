"""What attempts at jobs use of their worker process."""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from shared.configuration.secrets.vault import Vault
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.storage.store import OutputStore
from shared.tracing.tracing import OFF, Tracing
from worker_service.fleet.health import Fleet
from worker_service.media.pool import MediaPool
from worker_service.metrics.attempts import AttemptMetrics
from worker_service.run.leases import Leases
from worker_service.run.prompt.sockets import Sockets
from worker_service.run.prompt.timings import RunTimings
from worker_service.run.queue_time import QueueTime
from worker_service.run.storage import StorageWatch


@dataclass(frozen=True)
class JobLimits:
    """What the settings allow a job."""

    attempts: int
    soft_time: timedelta
    stall: timedelta  # ComfyUI may say nothing of a running prompt for this long
    storage: timedelta  # its result may wait this long in ComfyUI for the store
    quarantine_after: int | None  # so many servers in a row its workflow may take down; None: any number

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            attempts=settings.max_attempts,
            soft_time=settings.soft_time_limit,
            stall=settings.stall_timeout,
            storage=settings.storage_patience,
            quarantine_after=settings.quarantine_after,
        )


@dataclass(frozen=True)
class RunResources:
    messenger: Messenger
    store: OutputStore
    media: MediaPool
    fleet: Fleet
    leases: Leases
    sockets: Sockets
    storage: StorageWatch
    limits: JobLimits
    timings: RunTimings
    keep_history: bool = False  # of ComfyUI: prompts of jobs that have ended stay in it
    vault: Vault = field(default_factory=Vault)
    queue_time: QueueTime = field(default_factory=QueueTime)
    metrics: AttemptMetrics = field(default_factory=AttemptMetrics)
    tracing: Tracing = OFF
    chance: random.Random = field(default_factory=random.Random)
