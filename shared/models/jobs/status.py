"""The closed sets of words a job's rows may hold."""

from enum import StrEnum


class JobStatus(StrEnum):
    PENDING = "pending"  # accepted; its time has not come, or Redis was away
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # its deadline passed before it was started

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})
# In the order of the indexes of such jobs: in another one PostgreSQL takes it for a second condition.
WAITING = (JobStatus.PENDING, JobStatus.QUEUED)
HELD = (JobStatus.RUNNING, JobStatus.CANCELLING)  # by a worker, under a lease
LIVE = tuple(status for status in JobStatus if status not in FINAL)


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRIED = "retried"  # a transient error; its prompt is known to have ended
    IN_DOUBT = "in_doubt"  # a transient error; its prompt, or its result, may still be there
    RELEASED = "released"  # the worker was stopped; its prompt goes on
    EXPIRED = "expired"  # the worker fell silent; its prompt may go on

    @property
    def leaves_doubt(self) -> bool:
        """Whether the prompt may still be alive in ComfyUI, so that it must be looked for before another is sent. An
        outcome that a newer release has added says nothing of it here."""
        return self not in {Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED, Outcome.RETRIED}


class OutputKind(StrEnum):
    IMAGE = "image"
    ANIMATION = "animation"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    OTHER = "other"


class EventType(StrEnum):
    PENDING = "pending"
    QUEUED = "queued"
    STARTED = "started"
    PROCESSING = "processing"  # live only: how far it is
    PREVIEW = "preview"  # live only: a small picture of what it is doing
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DELETED = "deleted"  # live only: its rows are gone, and nothing more will be published

    @property
    def is_final(self) -> bool:
        return self in LAST


LAST = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELLED, EventType.EXPIRED, EventType.DELETED})
LIVE_ONLY = frozenset({EventType.PROCESSING, EventType.PREVIEW, EventType.DELETED})
