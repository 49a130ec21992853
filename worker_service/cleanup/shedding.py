"""What a job that has ended can do without: its outputs, their thumbnails, its events, its attempts, its request key.

The row stays, and says what is gone. Files have notes until they are gone, as those of deleted jobs do.
"""

import json
from collections.abc import Sequence

from sqlalchemy import TextClause, text
from sqlmodel import Session

from shared.files.folders import job_folder, note
from shared.jobs.deletion import ATTEMPTS, EVENTS, OUTPUTS, Gone, free_bytes, held_jobs
from shared.jobs.warnings import JobWarning, WarningCode, warning_data

OUTPUTS_ARE_GONE = JobWarning(
    WarningCode.OUTPUTS_REMOVED, "its outputs were removed: they are kept for a time, and that is over"
)
THUMBNAILS_ARE_GONE = "they were removed: thumbnails are kept for a time, and that is over"

WARN = text("""
UPDATE generation_jobs SET warnings = warnings || CAST(:warnings AS jsonb), updated_at = now() WHERE id = ANY(:ids)
""")
THUMBNAILS = text("""
SELECT DISTINCT thumbnail.value ->> 'path' AS path, CAST(thumbnail.value ->> 'size_bytes' AS bigint) AS size_bytes
FROM job_outputs JOIN generation_jobs AS job ON job.id = job_id, jsonb_each(thumbnails) AS thumbnail
WHERE job_id = ANY(:ids) AND starts_with(thumbnail.value ->> 'path', job.user_id || '/')
""")
NO_THUMBNAILS = text("""
WITH outputs AS (
    UPDATE job_outputs SET thumbnails = '{}', thumbnail_note = :note
    WHERE job_id = ANY(:ids) AND thumbnails <> '{}' RETURNING job_id
)
UPDATE generation_jobs SET updated_at = now() WHERE id IN (SELECT job_id FROM outputs)
""")
KEYS = text("UPDATE generation_jobs SET idempotency_key = NULL, request_digest = NULL WHERE id = ANY(:ids)")


def shed_outputs(session: Session, job_ids: Sequence[int]) -> tuple[Gone, list[str]]:
    """Remove all outputs of these jobs, and warn of it. Returns whose they were, and the folders that are noted."""
    jobs = held_jobs(session, job_ids)
    if not jobs:
        return Gone(), []
    ids, folders = [job.id for job in jobs], [job_folder(job) for job in jobs]
    note(session, *folders)
    freed = free_bytes(session, jobs)
    connection = session.connection()
    connection.execute(OUTPUTS, {"ids": ids})
    connection.execute(WARN, {"ids": ids, "warnings": json.dumps(warning_data([OUTPUTS_ARE_GONE]))})
    return Gone(jobs, freed), folders


def shed_thumbnails(session: Session, job_ids: Sequence[int]) -> tuple[Gone, list[str]]:
    """Remove the thumbnails of these jobs' outputs. Returns whose they were, and the files that are noted."""
    jobs = held_jobs(session, job_ids)
    if not jobs:
        return Gone(), []
    connection, ids = session.connection(), [job.id for job in jobs]
    found = connection.execute(THUMBNAILS, {"ids": ids}).all()
    files = [row.path for row in found]
    note(session, *files)
    connection.execute(NO_THUMBNAILS, {"ids": ids, "note": THUMBNAILS_ARE_GONE})
    return Gone(jobs, sum(row.size_bytes or 0 for row in found)), files


def shed_events(session: Session, job_ids: Sequence[int]) -> int:
    """Remove the events of these jobs, which are counted on. Returns of how many jobs."""
    return shed(session, job_ids, EVENTS)


def shed_attempts(session: Session, job_ids: Sequence[int]) -> int:
    """Remove the attempts of these jobs. Returns of how many jobs."""
    return shed(session, job_ids, ATTEMPTS)


def shed_keys(session: Session, job_ids: Sequence[int]) -> int:
    """Forget under which Idempotency-Key these jobs were made. Returns how many that were."""
    return shed(session, job_ids, KEYS)


def shed(session: Session, job_ids: Sequence[int], statement: TextClause) -> int:
    ids = [job.id for job in held_jobs(session, job_ids)]
    if ids:
        session.connection().execute(statement, {"ids": ids})
    return len(ids)
