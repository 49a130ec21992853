"""What OpenAI's clients get: pictures, and the models that there are."""

from collections.abc import Iterable, Sequence
from typing import Literal, Self

from pydantic import BaseModel

from api_service.doors.openai.answers.codes import came_to_nothing, goes_on
from api_service.http.signed_urls import SignedUrls
from api_service.jobs.job_queries import JobWithOutputs
from shared.jobs.urls import output_url
from shared.models import FINAL, GenerationJob, JobOutput, OutputKind

MADE_HERE = "genonaut"


class ImageView(BaseModel, frozen=True):
    """A picture: its bytes, or where they are for as long as the URL is signed for."""

    b64_json: str | None = None
    url: str | None = None


class ImagesView(BaseModel, frozen=True):
    """Pictures that were made. `job_id` is ours: the job that made them."""

    created: int
    background: Literal["opaque"] = "opaque"
    output_format: Literal["png"] = "png"
    size: str
    job_id: int
    data: list[ImageView]

    @classmethod
    def of(cls, job: GenerationJob, images: Iterable[ImageView] = ()) -> Self:
        size = f"{job.width}x{job.height}"
        return cls(created=int(job.created_at.timestamp()), size=size, job_id=job.id, data=list(images))


def pictures_of(found: JobWithOutputs, *, may_join: bool) -> list[JobOutput]:
    """The pictures of a job that has ended. Raises Refusal, for one that has none, or goes on."""
    job, outputs = found
    if job.status not in FINAL:
        raise goes_on(job, may_join=may_join)
    pictures = [output for output in outputs if output.kind is OutputKind.IMAGE]
    if not pictures:
        raise came_to_nothing(job)
    return pictures


def by_url(pictures: Sequence[JobOutput], urls: SignedUrls) -> list[ImageView]:
    return [ImageView(url=urls.url(output_url(output.job_id, output.number))) for output in pictures]


class ModelView(BaseModel, frozen=True):
    """A checkpoint. When it was made is not known."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = MADE_HERE


class ModelsView(BaseModel, frozen=True):
    """Every checkpoint that some server has."""

    object: Literal["list"] = "list"
    data: list[ModelView]
