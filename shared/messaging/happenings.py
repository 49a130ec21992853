"""What may be counted of an event of a job: its kind and its times, and nobody's id or words."""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from shared.messaging.events import Event
from shared.models import EventType


class TimedJob(Protocol):
    """What is counted of a job: its times are the database's."""

    @property
    def job_type(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def run_after(self) -> datetime | None: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def generated_at(self) -> datetime | None: ...


class Happening(NamedTuple):
    """One event of a job. `waited` is since when it could have begun, `ran` from its first start until ComfyUI was
    done, and `stored` from then on; None where the event does not end that."""

    type: EventType
    job_type: str
    is_first: bool
    waited: timedelta | None = None
    ran: timedelta | None = None
    stored: timedelta | None = None

    @classmethod
    def of(cls, event: Event, job: TimedJob) -> "Happening":
        seen = cls(event.type, job.job_type, event.sequence == 1)
        match event.type:
            case EventType.STARTED:
                could_begin = max(job.created_at, job.run_after or job.created_at)
                return seen._replace(waited=event.at - could_begin)
            case EventType.COMPLETED if job.started_at and job.generated_at:
                return seen._replace(ran=job.generated_at - job.started_at, stored=event.at - job.generated_at)
        return seen
