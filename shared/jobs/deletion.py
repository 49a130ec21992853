"""Jobs that have ended are deleted with all their rows; a note names the folder of each until its files are gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlmodel import Session

from shared.files.folders import NOTE, Filed, in_order, job_folder
from shared.models import FINAL, GenerationJob


class GoneJob(NamedTuple):
    """What is left to know of a job that is deleted."""

    id: int
    user_id: UUID
    created_at: datetime
    gone_at: datetime


class Gone(NamedTuple):
    """Jobs that were deleted, or whose outputs were, and how many bytes their owners have less."""

    jobs: Sequence[GoneJob] = ()
    freed_bytes: int = 0


# One that somebody else is at is left for the next time. Pinned meanwhile, it stays.
HOLD = text("""
SELECT id, user_id, created_at, now() FROM generation_jobs
WHERE id = ANY(:ids) AND status IN ('completed', 'failed', 'cancelled', 'expired') AND (NOT pinned OR :pinned_too)
ORDER BY id FOR UPDATE SKIP LOCKED
""")
FREE = text("""
WITH freed AS (
    SELECT user_id, sum(size_bytes) AS bytes
    FROM unnest(CAST(:ids AS integer[]), CAST(:owners AS uuid[])) AS gone (job_id, user_id)
    JOIN job_outputs USING (job_id) WHERE job_id = ANY(:ids) GROUP BY user_id
), counted AS (
    UPDATE users SET stored_bytes = greatest(0, stored_bytes - freed.bytes)
    FROM freed WHERE users.id = freed.user_id AND freed.bytes > 0
)
SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM freed
""")
# In one statement each: the cascade finds nothing left, row by row.
EVENTS, ATTEMPTS, OUTPUTS = (
    text(f"DELETE FROM {table} WHERE job_id = ANY(:ids)")  # noqa: S608 - ours
    for table in ("job_events", "job_attempts", "job_outputs")
)
JOBS = text("DELETE FROM generation_jobs WHERE id = ANY(:ids)")


def together(*statements: TextClause) -> TextClause:
    """These statements, sent at once; the rows are those of the last. On a busy machine a page waits for its turn at a
    processor for longer than it works, and does so with each statement."""
    return text("; ".join(statement.text for statement in statements))


# The user before what goes with the job: who deletes an asset takes them in this order, too.
BEFORE, LAST = together(NOTE, EVENTS, ATTEMPTS, FREE), together(OUTPUTS, JOBS)


def delete_job(session: Session, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """Delete a job of that owner (None: anybody's), if it has ended. Its folder is noted to be removed.

    Returns the job as it was, unchanged if it has not ended; None if there is none.
    """
    job = session.get(GenerationJob, job_id, with_for_update=True)
    if job is None or owner not in {None, job.user_id}:
        return None
    if job.status in FINAL:
        remove(session, [job])
        session.expunge(job)
    return job


def delete_jobs(session: Session, job_ids: Sequence[int], *, pinned_too: bool = False) -> Gone:
    """Delete those of these jobs that have ended and are not pinned, as `delete_job` does."""
    jobs = held_jobs(session, job_ids, pinned_too=pinned_too)
    return Gone(jobs, remove(session, jobs)) if jobs else Gone()


def remove(session: Session, jobs: Sequence[Filed]) -> int:
    """Remove jobs that are held, in a few statements. Returns how many bytes their owners have less."""
    connection, values = session.connection(), ids_and_owners(jobs)
    freed = connection.scalar(BEFORE, {**values, "folders": in_order(map(job_folder, jobs))})
    connection.execute(LAST, {"ids": values["ids"]})
    return int(freed or 0)


def held_jobs(session: Session, job_ids: Sequence[int], *, pinned_too: bool = False) -> Sequence[GoneJob]:
    """Those of these jobs that have ended and are not pinned, held until the end of the transaction."""
    values = {"ids": list(job_ids), "pinned_too": pinned_too}
    return [GoneJob(*row) for row in session.connection().execute(HOLD, values)]


def free_bytes(session: Session, jobs: Sequence[Filed]) -> int:
    """Count what the outputs of these jobs take as no longer stored. Returns how many bytes that is."""
    return int(session.connection().scalar(FREE, ids_and_owners(jobs)) or 0)


def ids_and_owners(jobs: Sequence[Filed]) -> dict[str, list[Any]]:
    return {"ids": [job.id for job in jobs], "owners": [str(job.user_id) for job in jobs]}
