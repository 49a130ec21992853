"""A request for a job becomes a row: every default is filled in, every seed drawn."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from api_service.submit.job_request import JobRequest
from shared.database.fast_rows import new_row
from shared.models import GenerationJob, JobStatus
from shared.workflows.parameters import drawn_seed
from shared.workflows.shape import first_checkpoint, prompt_text, with_seeds


def new_job(request: JobRequest, owner: UUID, accepted_at: datetime, **origin: Any) -> GenerationJob:
    """A row that is yet to be recorded. A job that starts later has no message until its time has come.

    `origin` are columns that say how it came, such as its batch.
    """
    options = request.options
    run_after = options.run_after if options.run_after and options.run_after > accepted_at else None
    return new_row(
        GenerationJob,
        user_id=owner,
        status=JobStatus.QUEUED,
        message_id=None if run_after else str(uuid4()),
        run_after=run_after,
        deadline_at=options.deadline_at,
        priority=options.priority,
        max_attempts=options.max_attempts,
        caller_metadata=dict(options.metadata),
        job_type=request.job_type,
        workflow_key=request.workflow_key,
        **what_to_run(request),
        **origin,
    )


def what_to_run(request: JobRequest) -> dict[str, Any]:
    previews = request.options.previews
    if (asked := request.parameters) is not None:
        drawn = asked.params.with_seed().model_copy(update={"previews": previews})
        return asked.model_copy(update={"params": drawn}).model_dump(mode="json")
    workflow = with_seeds(request.graph, lambda seed: drawn_seed() if seed == -1 else seed)
    return {
        "workflow": workflow,
        "prompt": prompt_text(workflow),
        "checkpoint_model": first_checkpoint(workflow),
        "params": {"previews": True} if previews else {},
    }
