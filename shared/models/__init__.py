"""The tables both services share; importing this package names them all to SQLModel's metadata."""

from shared.models.fleet import ComfyUIServer, Worker
from shared.models.generation_job import GenerationJob
from shared.models.job_attempt import JobAttempt
from shared.models.job_event import JobEvent
from shared.models.job_output import JobOutput
from shared.models.status import FINAL, HELD, LIVE_ONLY, WAITING, EventType, JobStatus, Outcome, OutputKind

__all__ = [
    "FINAL",
    "HELD",
    "LIVE_ONLY",
    "WAITING",
    "ComfyUIServer",
    "EventType",
    "GenerationJob",
    "JobAttempt",
    "JobEvent",
    "JobOutput",
    "JobStatus",
    "Outcome",
    "OutputKind",
    "Worker",
]
