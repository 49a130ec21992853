"""What clients see of jobs they have just submitted, or would submit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.doors.v1.jobs.bodies import AnyJob, TypedJob, WorkflowJob
from api_service.doors.v1.jobs.job_views import JobView, facts_of
from api_service.submit.row import IMAGE, WORKFLOW
from api_service.submit.submit import Accepted
from shared.models import GenerationJob, JobOutput
from shared.workflows.duration_key import workflow_key
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image


class AcceptedJobView(JobView, frozen=True):
    """A job that was accepted, with what its owner may want to know about when it will run."""

    notes: list[str]

    @classmethod
    def accepted(cls, job: GenerationJob, notes: Sequence[str], outputs: Sequence[JobOutput] = ()) -> "AcceptedJobView":
        return cls(**facts_of(job, outputs), notes=list(notes))


class BatchView(BaseModel, frozen=True):
    """Jobs that were accepted together, in the order in which they were sent."""

    batch_id: UUID
    jobs: list[AcceptedJobView]

    @classmethod
    def of(cls, batch_id: UUID, accepted: Accepted) -> Self:
        jobs = [
            AcceptedJobView.accepted(job, notes, accepted.outputs.get(job.id, ()))
            for job, notes in zip(accepted.jobs, accepted.notes, strict=True)
        ]
        return cls(batch_id=batch_id, jobs=jobs)


class PlannedJobView(BaseModel, frozen=True):
    """What would be run. `parameters` have every default, and are null for a workflow of the client's own; `workflow`
    is what ComfyUI would be sent. A seed of -1 would be drawn."""

    job_type: str
    parameters: TextToImage | None
    workflow: dict[str, Any]
    workflow_key: str
    priority: int
    run_after: datetime | None
    deadline_at: datetime | None
    max_attempts: int | None
    metadata: dict[str, Any]

    @classmethod
    def of(cls, body: AnyJob) -> Self:
        parameters = body.parameters if isinstance(body, TypedJob) else None
        graph = body.workflow if isinstance(body, WorkflowJob) else text_to_image(body.parameters)
        now = datetime.now(UTC)
        return cls(
            job_type=IMAGE if parameters else WORKFLOW,
            parameters=parameters,
            workflow=graph,
            workflow_key=workflow_key(graph),
            priority=body.priority,
            run_after=body.run_after(now),
            deadline_at=body.deadline_at(now),
            max_attempts=body.max_attempts,
            metadata=body.metadata,
        )


class ValidView(BaseModel, frozen=True):
    """The job would be accepted."""

    valid: Literal[True] = True
    notes: list[str]
    job: PlannedJobView
