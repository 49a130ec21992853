"""Jobs that have ended are deleted with all their rows; a note names the folder of each until its files are gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
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
    """Jobs that were deleted, or whose outputs were, how many bytes their owners have less, and the folders that are
    noted."""

    jobs: Sequence[GoneJob] = ()
    freed_bytes: int = 0
    folders: Sequence[str] = ()


# One that somebody else is at is left for the next time. Pinned meanwhile, it stays.
HOLD = text("""
SELECT id, user_id, created_at, now() FROM generation_jobs
WHERE id = ANY(:ids) AND status IN ('completed', 'failed', 'cancelled', 'expired') AND (NOT pinned OR :pinned_too)
ORDER BY id FOR UPDATE SKIP LOCKED
""")
FREEING = """
WITH freed AS (
    SELECT user_id, sum(size_bytes) AS bytes FROM generation_jobs AS job JOIN job_outputs ON job_id = job.id
    WHERE job.id = ANY(:ids) GROUP BY user_id
), counted AS (
    UPDATE users SET stored_bytes = greatest(0, stored_bytes - freed.bytes)
    FROM freed WHERE users.id = freed.user_id AND freed.bytes > 0
){more}
SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM freed
"""
FREE = text(FREEING.format(more=""))
EVENTS, ATTEMPTS, OUTPUTS = (
    text(f"DELETE FROM {table} WHERE job_id = ANY(:ids)")  # noqa: S608 - ours
    for table in ("job_events", "job_attempts", "job_outputs")
)
# Those that repeat them, which the trigger changes at the end. Each of these may be ending just now: that holds its job
# and then wants the user, so jobs are held before the user here too.
HOLD_REPEATS = "SELECT 1 FROM generation_jobs WHERE parent_id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"
# Sent at once: on a busy machine a page waits for its turn at a processor for longer than it works, and does so with
# each statement. What is of the jobs in other tables goes at the end of the last one, by the trigger
# `what_is_of_jobs_goes`; the user is taken before it, as by who deletes an asset.
DELETING = FREEING.format(more=", gone AS (DELETE FROM generation_jobs WHERE id = ANY(:ids))")
REMOVE = text(f"{NOTE.text}; {HOLD_REPEATS}; {DELETING}")


def delete_job(session: Session, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """Delete a job of that owner (None: anybody's), if it has ended. Its folder is noted to be removed.

    Returns the job as it was, unchanged if it has not ended; None if there is none.
    """
    job = session.get(GenerationJob, job_id, with_for_update=True)
    if job is None or owner not in {None, job.user_id}:
        return None
    if job.status in FINAL:
        remove(session, [job.id], [job_folder(job)])
        session.expunge(job)
    return job


def delete_jobs(session: Session, job_ids: Sequence[int], *, pinned_too: bool = False) -> Gone:
    """Delete those of these jobs that have ended and are not pinned, as `delete_job` does."""
    jobs = held_jobs(session, job_ids, pinned_too=pinned_too)
    if not jobs:
        return Gone()
    folders = [job_folder(job) for job in jobs]
    return Gone(jobs, remove(session, [job.id for job in jobs], folders), folders)


def remove(session: Session, job_ids: Sequence[int], folders: Sequence[str]) -> int:
    """Remove jobs that are held, and note their folders. Returns how many bytes their owners have less."""
    return int(session.connection().scalar(REMOVE, {"ids": job_ids, "folders": in_order(folders)}) or 0)


def held_jobs(session: Session, job_ids: Sequence[int], *, pinned_too: bool = False) -> Sequence[GoneJob]:
    """Those of these jobs that have ended and are not pinned, held until the end of the transaction."""
    values = {"ids": list(job_ids), "pinned_too": pinned_too}
    return [GoneJob(*row) for row in session.connection().execute(HOLD, values)]


def free_bytes(session: Session, jobs: Sequence[Filed]) -> int:
    """Count what the outputs of these jobs take as no longer stored. Returns how many bytes that is."""
    return int(session.connection().scalar(FREE, {"ids": [job.id for job in jobs]}) or 0)
