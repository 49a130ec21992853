"""What clients see of jobs they have just submitted, or would submit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel

from api_service.doors.v1.jobs.job_views import JobView, OutputView, job_fields
from api_service.http.signed_urls import SignedUrls
from api_service.submit.job_request import JobRequest
from api_service.submit.submit import Accepted
from shared.models import GenerationJob, JobOutput
from shared.workflows.parameters import TextToImage


class AcceptedJobView(JobView, frozen=True):
    """A job that was accepted, with what its owner may want to know about when it will run."""

    notes: list[str]

    @classmethod
    def accepted(
        cls, job: GenerationJob, notes: Sequence[str], outputs: Sequence[JobOutput], urls: SignedUrls
    ) -> "AcceptedJobView":
        shown = [OutputView.of(output, urls) for output in outputs]
        return cls(**job_fields(job, shown), notes=list(notes))


class BatchView(BaseModel, frozen=True):
    """Jobs that were accepted together, in the order in which they were sent."""

    batch_id: UUID
    jobs: list[AcceptedJobView]

    @classmethod
    def of(cls, batch_id: UUID, accepted: Accepted, urls: SignedUrls) -> Self:
        jobs = [
            AcceptedJobView.accepted(job, notes, accepted.outputs.get(job.id, ()), urls)
            for job, notes in zip(accepted.jobs, accepted.notes, strict=True)
        ]
        return cls(batch_id=batch_id, jobs=jobs)


class PlannedJobView(BaseModel, frozen=True):
    """What would be run. `parameters` have every default, and are null for a workflow of the client's own; `workflow`
    is what ComfyUI would be sent, with each asset of `assets` as the file that it has there. A seed of -1 would be
    drawn."""

    job_type: str
    parameters: TextToImage | None
    workflow: dict[str, Any]
    assets: dict[str, dict[str, str]]
    workflow_key: str
    priority: int
    run_after: datetime | None
    deadline_at: datetime | None
    max_attempts: int | None
    metadata: dict[str, Any]
    output_nodes: list[str] | None
    temp_outputs: bool
    requires: list[str] | None

    @classmethod
    def of(cls, request: JobRequest) -> Self:
        options = request.options
        return cls(
            job_type=request.job_type,
            parameters=request.parameters,
            workflow=dict(request.graph),
            assets={node_id: dict(by_name) for node_id, by_name in request.assets.items()},
            workflow_key=request.fingerprint,
            priority=options.priority,
            run_after=options.run_after,
            deadline_at=options.deadline_at,
            max_attempts=options.max_attempts,
            metadata=dict(options.metadata),
            output_nodes=None if options.output_nodes is None else list(options.output_nodes),
            temp_outputs=options.temp_outputs,
            requires=list(options.requires) or None,
        )


class ValidView(BaseModel, frozen=True):
    """The job would be accepted."""

    valid: Literal[True] = True
    notes: list[str]
    job: PlannedJobView
