"""A job that has ended is submitted again as a new job: what it asks for is read back from its row."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from anyio import to_thread
from pydantic import ValidationError
from sqlalchemy import Engine

from api_service.jobs.job_queries import find_job
from api_service.refusals.jobs import invalid_fields, job_not_ended_for_retry, job_not_found, job_not_repeatable
from api_service.refusals.refusal import FieldError, field_errors
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.submit.submit import Acceptance, Accepted, Submission, replay, submit
from shared.models import FINAL, GenerationJob
from shared.workflows.parameters import TextToImage, drawn_seed
from shared.workflows.shape import has_seeds, with_seeds

Seed = int | Literal["same", "new"]


async def resubmit(acceptance: Acceptance, parent_id: int, seed: Seed, submission: Submission) -> Accepted:
    """Submit a job again, for whom it belongs to. `submission` has no jobs yet. Raises Refusal."""
    found = await to_thread.run_sync(
        read_back, acceptance.messenger.engine, parent_id, submission.identity.owner, seed, limiter=acceptance.threads
    )
    if found:
        request, owner = found
        return await submit(acceptance, replace(submission, jobs=[request], owner=owner, parent_id=parent_id))
    # The same request may have made its job before the parent was deleted.
    replayed = await to_thread.run_sync(replay, acceptance, submission, limiter=acceptance.threads)
    if replayed is None:
        raise job_not_found(parent_id)
    return replayed


def read_back(engine: Engine, job_id: int, visible_to: UUID | None, seed: Seed) -> tuple[JobRequest, UUID] | None:
    """What a job asked for, and whose it is. None if there is no such job."""
    job = find_job(engine, job_id, visible_to)
    return (request_of(job, seed), job.user_id) if job else None


def request_of(job: GenerationJob, seed: Seed) -> JobRequest:
    """The job as it would be asked for again: at once, and without the deadline it had.

    Raises Refusal: job_not_ended; job_not_repeatable; invalid_fields where there is no seed to change.
    """
    if job.status not in FINAL:
        raise job_not_ended_for_retry(job.status)
    options = JobOptions(
        priority=job.priority,
        max_attempts=job.max_attempts,
        metadata=job.caller_metadata,
        previews=job.params.get("previews") is True,
        output_nodes=job.output_nodes,
        temp_outputs=job.temp_outputs,
    )
    if job.workflow is not None:
        return JobRequest(with_seed(job.workflow, seed), options=options)
    try:
        parameters = TextToImage.from_job(job)
    except ValidationError as error:
        raise job_not_repeatable(job.id, field_errors(error)) from None
    if seed != "same":
        drawn = parameters.params.model_copy(update={"seed": seed_for(seed)})
        parameters = parameters.model_copy(update={"params": drawn})
    return JobRequest.of(parameters, options)


def with_seed(workflow: Mapping[str, Any], seed: Seed) -> Mapping[str, Any]:
    if seed == "same":
        return workflow
    if not has_seeds(workflow):
        raise invalid_fields([FieldError(field="seed", message="no node of the workflow has a seed", code="no_seed")])
    return with_seeds(workflow, lambda _: seed_for(seed))


def seed_for(seed: Seed) -> int:
    return seed if isinstance(seed, int) else drawn_seed()
