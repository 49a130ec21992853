"""A job that has ended is submitted again as a new job: what it asks for is read back from its row."""

from dataclasses import replace
from uuid import UUID

from anyio import to_thread
from pydantic import ValidationError
from sqlalchemy import Engine

from api_service.fleet.seeds import DRAWN, Seed
from api_service.jobs.job_queries import find_job
from api_service.refusals.jobs import job_not_ended_for_retry, job_not_found, job_not_repeatable
from api_service.refusals.refusal import field_errors
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.submit.submit import Acceptance, Accepted, Submission, replay, submit
from api_service.webhooks.of_jobs import own_webhook
from shared.models import FINAL, GenerationJob
from shared.workflows.parameters import TextToImage

SECRETS_ARE_GONE = (
    "the job was sent with {names}, which ended with it: this one runs without; where its nodes need it, "
    "submit the job once more and send it along"
)


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
    if job is None:
        return None
    request = request_of(job, seed)
    return replace(request, options=replace(request.options, webhook=own_webhook(engine, job_id))), job.user_id


def request_of(job: GenerationJob, seed: Seed) -> JobRequest:
    """The job as it would be asked for again: at once, and without the deadline it had.

    Raises Refusal: job_not_ended; job_not_repeatable.
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
        requires=job.requires or (),
        extra_pnginfo=job.extra_pnginfo,
    )
    notes = [SECRETS_ARE_GONE.format(names=", ".join(job.secret_names))] if job.secret_names else []
    assets = job.assets or {}
    if job.workflow is not None:
        return JobRequest(job.workflow, options=options, seed=seed, notes=notes, assets=assets)
    try:
        parameters = TextToImage.from_job(job)
    except ValidationError as error:
        raise job_not_repeatable(job.id, field_errors(error)) from None
    if seed != "same":
        params = parameters.params.model_copy(update={"seed": DRAWN if seed == "new" else seed})
        parameters = parameters.model_copy(update={"params": params})
    return replace(JobRequest.of(parameters, options), notes=notes, assets=assets)
