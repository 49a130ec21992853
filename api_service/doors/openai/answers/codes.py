"""What only this door refuses: its codes, and what each means."""

from collections.abc import Mapping
from enum import StrEnum

from api_service.http.server.root_path import below_root
from api_service.refusals.refusal import FieldError, Refusal
from shared.jobs.urls import job_url
from shared.models import GenerationJob, JobStatus


class ImageCode(StrEnum):
    """Codes of refusals that no other door has."""

    MODEL_NOT_FOUND = "model_not_found"
    MODEL_MISSING = "missing_model"
    JOB_GOES_ON = "job_not_finished"
    JOB_FAILED = "image_generation_failed"
    JOB_CANCELLED = "job_cancelled"


MEANT: Mapping[StrEnum, str] = {
    ImageCode.MODEL_NOT_FOUND: "no server has this checkpoint; `GET /v1/models` lists those there are",
    ImageCode.MODEL_MISSING: "there are several checkpoints, so `model` must say which one",
    ImageCode.JOB_GOES_ON: "the picture is not ready yet; its job goes on, and `job_id` says which one it is",
    ImageCode.JOB_FAILED: "the job has failed, after as many tries as it has",
    ImageCode.JOB_CANCELLED: "the job was cancelled while this waited",
}


def wrong_model(code: ImageCode, message: str) -> Refusal:
    return Refusal(code, message, errors=[FieldError(field="model", message=message, code=code)])


def goes_on(job: GenerationJob, *, may_join: bool) -> Refusal:
    """The wait has ended before the job. With a key the same request waits for it again."""
    advice = (
        "the same request with the same Idempotency-Key waits for it again"
        if may_join
        else "the same request would make another one, unless both have the same Idempotency-Key"
    )
    message = f"job {job.id} is {job.status} and goes on; {below_root(job_url(job.id))} shows it, and {advice}"
    return Refusal(ImageCode.JOB_GOES_ON, message, job_id=job.id, may_repeat=may_join)


def came_to_nothing(job: GenerationJob) -> Refusal:
    """The job has ended without a picture. To send the same again at once is of no use."""
    if job.status is JobStatus.CANCELLED:
        return Refusal(ImageCode.JOB_CANCELLED, f"job {job.id} was cancelled", job_id=job.id)
    reason = f"{job.error_code}: {job.error_message}" if job.error_code else f"it is {job.status} and has no picture"
    return Refusal(ImageCode.JOB_FAILED, f"job {job.id} has made no picture: {reason}", job_id=job.id)
