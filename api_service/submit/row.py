"""What a client asks for becomes a row: every default filled in, every seed drawn."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from api_service.doors.v1.jobs.bodies import AnyJob, TypedJob, WorkflowJob
from shared.database.fast_rows import new_row
from shared.models import GenerationJob, JobStatus
from shared.workflows.duration_key import workflow_key
from shared.workflows.parameters import drawn_seed
from shared.workflows.shape import first_checkpoint, prompt_text, with_seeds
from shared.workflows.text_to_image import text_to_image

IMAGE, WORKFLOW = "image", "workflow"


def new_job(body: AnyJob, user_id: UUID, accepted_at: datetime, **noted: Any) -> GenerationJob:
    """A row that is yet to be recorded. One that is put off has no message until its time has come.

    `noted` are columns that tell how it came, such as its batch.
    """
    run_after = body.run_after(accepted_at)
    return new_row(
        GenerationJob,
        user_id=user_id,
        status=JobStatus.QUEUED,
        message_id=None if run_after else str(uuid4()),
        run_after=run_after,
        deadline_at=body.deadline_at(accepted_at),
        priority=body.priority,
        max_attempts=body.max_attempts,
        caller_metadata=body.metadata,
        **what_to_run(body),
        **noted,
    )


def what_to_run(body: AnyJob) -> dict[str, Any]:
    match body:
        case TypedJob():
            asked = body.parameters
            parameters = asked.model_copy(update={"params": asked.params.with_seed()})
            key = workflow_key(text_to_image(parameters))
            return {"job_type": IMAGE, "workflow_key": key, **parameters.model_dump(mode="json")}
        case WorkflowJob():
            workflow = with_seeds(body.workflow, lambda seed: drawn_seed() if seed == -1 else seed)
            return {
                "job_type": WORKFLOW,
                "workflow_key": workflow_key(workflow),
                "workflow": workflow,
                "prompt": prompt_text(workflow),
                "checkpoint_model": first_checkpoint(workflow),
                "params": body.params.model_dump(exclude_defaults=True),
            }
