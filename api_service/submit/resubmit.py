"""A job that has ended is tried again as a new job: what is asked for is read back from its row."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from api_service.doors.v1.jobs.bodies import AnyJob, TypedJob, WorkflowJob
from api_service.refusals.jobs import invalid_fields, job_not_ended_for_retry, job_not_repeatable
from api_service.refusals.refusal import FieldError, field_errors
from shared.models import FINAL, GenerationJob
from shared.workflows.parameters import LARGEST_SEED, TextToImage, drawn_seed
from shared.workflows.shape import has_seeds, with_seeds


def in_one_sentence(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        message = 'must be "same", "new", or a number from 0 to {largest}'
        raise PydanticCustomError("seed", message, {"largest": LARGEST_SEED}) from None


class RetryBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """With which seed: the same, a new one, or this number; in a workflow all of its seeds."""

    seed: Annotated[
        Literal["same", "new"] | Annotated[int, Field(ge=0, le=LARGEST_SEED)], WrapValidator(in_one_sentence)
    ] = "same"


def repeated(job: GenerationJob, body: RetryBody) -> AnyJob:
    """The job as it would be asked for again: at once, and without the deadline it had.

    Raises Refusal: 409 for one that has not ended, 422 for one of another system, or without the seed to change.
    """
    if job.status not in FINAL:
        raise job_not_ended_for_retry(job.status)
    wishes = {"priority": job.priority, "max_attempts": job.max_attempts, "metadata": job.caller_metadata}
    try:
        if job.workflow is not None:
            raw = {"workflow": with_seed(job.workflow, body), "params": job.params}
            return WorkflowJob.model_validate(raw | wishes, strict=False)
        typed = {name: getattr(job, name) for name in TextToImage.model_fields}
        params = typed["params"] if body.seed == "same" else {**typed["params"], "seed": seed_for(body)}
        return TypedJob.model_validate({**typed, "params": params, **wishes}, strict=False)
    except ValidationError as error:
        raise job_not_repeatable(job.id, field_errors(error)) from None


def with_seed(workflow: dict[str, Any], body: RetryBody) -> dict[str, Any]:
    if body.seed == "same":
        return workflow
    if not has_seeds(workflow):
        raise invalid_fields([FieldError(field="seed", message="no node of the workflow has a seed", code="no_seed")])
    return with_seeds(workflow, lambda _: seed_for(body))


def seed_for(body: RetryBody) -> int:
    return body.seed if isinstance(body.seed, int) else drawn_seed()
