"""What each job of a schedule begins as: the checked request, ready to be recorded. Its seeds are drawn for each."""

import secrets
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel

from shared.database.fast_rows import attributes_of, new_row
from shared.jobs.insert import document_of
from shared.models import GenerationJob, JobStatus

OF_THE_RUN = {"user_id", "status", "message_id", "run_after", "deadline_at"}


class SeedPlace(BaseModel, frozen=True):
    """A number of a row to draw: by which keys one comes to it, and from where it is drawn."""

    keys: tuple[str, ...]
    lowest: int
    highest: int


class JobTemplate(BaseModel, frozen=True):
    """The values of a job's row, by column; the seeds to draw; and how long after it is made it may start, and must
    have."""

    columns: dict[str, Any]
    seeds: tuple[SeedPlace, ...] = ()
    delay_s: float | None = None
    deadline_s: float | None = None

    @property
    def asset_ids(self) -> set[UUID]:
        """The assets that its inputs take."""
        by_node: Mapping[str, Mapping[str, str]] = self.columns.get("assets") or {}
        return {UUID(asset_id) for by_input in by_node.values() for asset_id in by_input.values()}


def columns_of(job: GenerationJob) -> dict[str, Any]:
    """What the rows of all jobs like this one share. It is one that is not recorded."""
    return {name: value for name, value in document_of(job).items() if name not in OF_THE_RUN}


def job_from(template: JobTemplate, owner: UUID, now: datetime, **origin: Any) -> GenerationJob:
    """A row that is yet to be recorded, of a job that is made now. `origin` are columns that say how it came."""
    columns = with_seeds(template)
    starts = now + timedelta(seconds=template.delay_s) if template.delay_s else None
    ends = None if template.deadline_s is None else now + timedelta(seconds=template.deadline_s)
    names = attributes_of(GenerationJob)
    return new_row(
        GenerationJob,
        user_id=owner,
        status=JobStatus.QUEUED,
        message_id=None if starts else str(uuid4()),
        run_after=starts,
        deadline_at=ends,
        **{names[column]: value for column, value in columns.items()},
        **origin,
    )


def with_seeds(template: JobTemplate) -> dict[str, Any]:
    columns = deepcopy(template.columns)
    for seed in template.seeds:
        *way, last = seed.keys
        inner: Any = columns
        for key in way:
            inner = inner[key]
        inner[last] = seed.lowest + secrets.randbelow(seed.highest - seed.lowest + 1)
    return columns
