"""The query parameters of streams. Wrong and unknown ones are refused as those of lists are."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.jobs.listing.filters import WhoseJobs
from shared.texts.storable import LARGEST_ID

MOST_JOBS = 1000  # of a snapshot


class StreamQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ticket: str | None = Field(None, description="a ticket of `/api/v1/stream-tickets`, in place of a key")


class PreviewsQuery(StreamQuery):
    previews: bool = Field(False, description="whether to send the sampler's previews too")


class JobWatchQuery(PreviewsQuery):
    """The query parameters of `/ws/jobs/{job_id}`: what came after an event is sent after the snapshot."""

    last_event_id: int | None = Field(None, ge=0, le=LARGEST_ID)


class EventsQuery(PreviewsQuery):
    """Which events of a job to send."""

    last_event_id: int | None = Field(
        None,
        ge=0,
        le=LARGEST_ID,
        description="send what came after this event; the header `Last-Event-ID` wins over it",
    )


def separated(value: Any) -> Any:
    """`1,2,3` as its parts; given several times, the parts of each."""
    given = [value] if isinstance(value, str) else value
    return [part for text in given for part in text.split(",")]


JobId = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class WatchQuery(PreviewsQuery):
    """The query parameters of `/ws/jobs`."""

    job_ids: Annotated[tuple[JobId, ...], BeforeValidator(separated), Field(max_length=MOST_JOBS)] | None = None
    user_id: WhoseJobs | None = None

    @property
    def numbers(self) -> Sequence[int] | None:
        """The jobs that are asked for, each once; None for all of a user."""
        return None if self.job_ids is None else list(dict.fromkeys(self.job_ids))
