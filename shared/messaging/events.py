"""What is published to those who watch a job, and on which channel.

Lifecycle events are rows of `job_events` first; Redis only carries them to those who watch now. Progress and
previews are live only: they are published once, and the last progress is kept for those who come later: until the
job ends, and for an hour at most.
"""

from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter

from shared.models import EventType, GenerationJob, JobEvent
from shared.texts.words import also_newer


class ChangedJob(Protocol):
    """What an event needs to know of its job. `events` is how many the job has had, this one included."""

    @property
    def id(self) -> int: ...
    @property
    def user_id(self) -> UUID: ...
    @property
    def attempt(self) -> int: ...
    @property
    def events(self) -> int: ...


class Event(BaseModel, frozen=True):
    """One thing that happened to a job, as watchers read it. What a newer release tells beside this is left out.

    `sequence` counts a job's events from 1 without a gap; live events have none, and count `tick` up within
    their attempt instead. `data` depends on the type:

    - pending: run_after
    - started: server
    - processing: percentage (0-100, never falling), node_id, node_type, step, steps
    - preview: media_type, image (base64)
    - completed: outputs [{number, kind, media_type, size_bytes, width, height, url, thumbnails {size: url}}]
    - failed: code, message, details; queued after a failure: the same, with run_after
    - deleted: nothing; live only, and the last of its job, for those who have not seen how it ended
    """

    type: Annotated[EventType, also_newer(EventType)]
    job_id: int
    user_id: UUID
    attempt: int
    at: datetime
    sequence: int | None = None
    tick: int | None = None
    data: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The event as watchers read it: made once, however many they are."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_row(cls, row: JobEvent, user_id: UUID) -> "Event":
        return cls(
            type=row.type,
            job_id=row.job_id,
            user_id=user_id,
            attempt=row.attempt,
            at=row.created_at,
            sequence=row.sequence,
            data=row.data,
        )

    @classmethod
    def written(cls, kind: EventType, job: ChangedJob, *, at: datetime, data: dict[str, Any]) -> "Event":
        """The event that was written by the statement which last wrote the job."""
        return cls(
            type=kind, job_id=job.id, user_id=job.user_id, attempt=job.attempt, at=at, sequence=job.events, data=data
        )

    @classmethod
    def live(cls, kind: EventType, job: GenerationJob, *, at: datetime, tick: int, data: dict[str, Any]) -> "Event":
        """Something that is published once, about the attempt that now holds the job; `at` is the database's time."""
        return cls(
            type=kind,
            job_id=job.id,
            user_id=job.user_id,
            attempt=job.attempt,
            at=at,
            tick=tick,
            data=data,
        )

    @classmethod
    def deletion(cls, job_id: int, user_id: UUID, at: datetime) -> "Event":
        return cls(type=EventType.DELETED, job_id=job_id, user_id=user_id, attempt=0, at=at)


Events = TypeAdapter(list[Event])
UserIds = TypeAdapter(list[UUID])


class Channels:
    """The names of one deployment's Redis channels and keys, all under its namespace."""

    def __init__(self, namespace: str) -> None:
        self.cancels = f"{namespace}:cancels"
        self.wakeups = f"{namespace}:wakeups"  # the queue of a message that was sent
        self.looks = f"{namespace}:looks"  # ids of prompts that have ended, as somebody says
        self.told = f"{namespace}:told:"  # begins the keys of messages that said so
        self.prefix = f"{namespace}:job:"
        # A pattern for the events of all jobs. Previews are many and large, and their channels end in a letter.
        self.every_job = f"{self.prefix}*[0-9]"
        self.several_jobs = f"{namespace}:jobs"  # what one transaction did to several jobs, as a list of events
        self.notifications = f"{namespace}:notifications"  # users who were told something, as a list of ids
        self.tasks = f"{namespace}:tasks"  # users of whom a task is another than before, as a list of ids
        self.shared = (self.several_jobs, self.notifications, self.tasks)  # what every API listens to, beside the jobs

    def job(self, job_id: int) -> str:
        return f"{self.prefix}{job_id}"

    def previews(self, job_id: int) -> str:
        return f"{self.prefix}{job_id}:previews"

    def progress(self, job_id: int) -> str:
        """The key that holds a running job's last progress event."""
        return f"{self.prefix}{job_id}:progress"

    def job_id(self, channel: str) -> int:
        """The job that a channel of events or previews is about. Raises ValueError if it is no such channel."""
        return int(channel.removeprefix(self.prefix).partition(":")[0])
