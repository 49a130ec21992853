"""A page of a user's prompts: by status and by the editor's workflow, ordered by age or by how long they ran."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, or_
from sqlalchemy import select as columns_of
from sqlmodel import col

from api_service.prompts.prompt_queries import RUNS, STATUS, WAITS, Prompt, prompts_with
from shared.database.engine import reading
from shared.models import GenerationJob, JobStatus, NativePrompt

COUNTED = 10_000  # prompts of a list are counted

CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "pending": WAITS,
    "in_progress": RUNS,
    "completed": STATUS == JobStatus.COMPLETED,
    "failed": STATUS.in_((JobStatus.FAILED, JobStatus.EXPIRED)),
    "cancelled": STATUS == JobStatus.CANCELLED,
}


class JobsAsked(NamedTuple):
    """Which prompts, in which order, and which page of them. `statuses` are those of CONDITIONS; none is any."""

    statuses: tuple[str, ...] = ()
    workflow_id: str | None = None
    by_duration: bool = False
    ascending: bool = False
    limit: int = 100
    offset: int = 0


def jobs_page(engine: Engine, user_id: UUID, asked: JobsAsked) -> tuple[Sequence[Prompt], int]:
    """The prompts of a page, with the outputs of each, and how many there are in all, up to COUNTED."""
    found: Any = (
        columns_of(col(GenerationJob.id))
        .join(NativePrompt, col(NativePrompt.job_id) == col(GenerationJob.id))
        .where(col(NativePrompt.user_id) == user_id, col(NativePrompt.hidden_at).is_(None))
    )
    if asked.statuses:
        found = found.where(or_(*(CONDITIONS[status] for status in asked.statuses)))
    if asked.workflow_id is not None:
        found = found.where(
            func.jsonb_extract_path_text(col(GenerationJob.extra_pnginfo), "workflow", "id") == asked.workflow_id
        )
    took = func.coalesce(col(GenerationJob.completed_at) - col(GenerationJob.started_at), func.make_interval())
    order = [took, col(GenerationJob.id)] if asked.by_duration else [col(NativePrompt.job_id)]
    in_order = found.order_by(*(one if asked.ascending else one.desc() for one in order))
    with reading(engine) as session:
        total: int = session.execute(columns_of(func.count()).select_from(found.limit(COUNTED).subquery())).scalar_one()
        ids: Sequence[int] = session.scalars(in_order.limit(asked.limit).offset(asked.offset)).all()
    by_id = {prompt.job.id: prompt for prompt in prompts_with(engine, user_id, ids)}
    return [by_id[job_id] for job_id in ids if job_id in by_id], total
