"""What is used is noted in the statement that ends it: an attempt with its time, a job with how it ended.

Time counts from the claim until ComfyUI was done or, where it never was, until the attempt ended. An attempt whose
worker was lost ends when another one takes the job over.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Insert,
    Integer,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlmodel import Session

from shared.models import FINAL, GenerationJob, JobStatus, Outcome, UsageNote

TODAY = cast(func.timezone("UTC", func.now()), Date)
# As `ended_jobs` counts them, beside the jobs of a status.
NONE: ColumnElement[int] = literal(0, Integer)


def note_attempt_sql(job: FromClause, attempt: CTE, outcome: Outcome, added_bytes: ColumnElement[int] = NONE) -> Insert:
    """The INSERT that notes an attempt that has just ended, with the rows of its job and of itself. One that completed
    its job notes that too, with the bytes of its outputs."""
    until = func.least(func.now(), func.coalesce(job.c.generated_at, func.now()))
    held = func.greatest(func.extract("epoch", until - attempt.c.started_at), 0)
    microseconds = cast(held * 1_000_000, BigInteger)
    counts = {
        "attempts": literal(1, Integer),
        "gpu_us": microseconds,
        "lost_us": microseconds if outcome is Outcome.EXPIRED else NONE,
        "completed": literal(int(outcome is Outcome.COMPLETED), Integer),
        "bytes": added_bytes,
    }
    values = {**whose(job), "server": attempt.c.server, **counts}
    found = select(*values.values()).select_from(job.join(attempt, attempt.c.job_id == job.c.id))
    return insert(UsageNote).from_select(list(values), found)


def note_ends(session: Session, job_ids: Sequence[int]) -> None:
    """Note how jobs have just ended that were not completed."""
    jobs = GenerationJob.__table__  # type: ignore[attr-defined]
    parts = {**whose(jobs), "server": func.coalesce(jobs.c.server, "")}
    counts = {status.value: func.count().filter(jobs.c.status == status) for status in JobStatus if status in FINAL}
    found = select(*parts.values(), *counts.values()).where(jobs.c.id.in_(job_ids)).group_by(*parts.values())
    session.connection().execute(insert(UsageNote).from_select([*parts, *counts], found))


def whose(job: FromClause) -> dict[str, ColumnElement[Any]]:
    """Under which user, day, key and checkpoint a job's usage counts."""
    return {
        "user_id": job.c.user_id,
        "day": TODAY,
        "key_id": func.coalesce(job.c.key_id, ""),
        "checkpoint": func.coalesce(job.c.checkpoint_model, ""),
    }
