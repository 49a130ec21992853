"""What a report counts: the jobs of a day, by user, checkpoint and server."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, bindparam, text
from sqlmodel import Session

A_DAY = timedelta(days=1)
# A worker holds a job from its claim on; the GPU is done with it when ComfyUI is.
ROWS = text("""
SELECT users.name, coalesce(job.checkpoint_model, ''), coalesce(job.server, ''), count(*),
    count(*) FILTER (WHERE job.status = 'completed'), count(*) FILTER (WHERE job.status = 'failed'),
    count(*) FILTER (WHERE job.status = 'cancelled'), count(*) FILTER (WHERE job.status = 'expired'),
    round(coalesce(sum(held.seconds), 0)::numeric, 3)::double precision, coalesce(sum(stored.bytes), 0)::bigint
FROM generation_jobs AS job JOIN users ON users.id = job.user_id
LEFT JOIN LATERAL (
    SELECT sum(greatest(0, extract(epoch FROM
        least(coalesce(attempt.ended_at, now()), coalesce(job.generated_at, 'infinity')) - attempt.started_at
    ))) AS seconds FROM job_attempts AS attempt WHERE attempt.job_id = job.id
) AS held ON true
LEFT JOIN LATERAL (SELECT sum(size_bytes) AS bytes FROM job_outputs WHERE job_id = job.id) AS stored ON true
WHERE job.created_at >= :day AND job.created_at < :next_day
    AND (CAST(:owner AS uuid) IS NULL OR job.user_id = CAST(:owner AS uuid))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""").bindparams(bindparam("day", type_=Date), bindparam("next_day", type_=Date))

COLUMNS = (
    *("day", "user", "checkpoint", "server"),
    *("jobs", "completed", "failed", "cancelled", "expired", "gpu_seconds", "bytes"),
)
NAMES = 4  # of these are names, and the others numbers


class ReportRow(NamedTuple):
    """One line of a report, as COLUMNS has it."""

    day: str
    user: str
    checkpoint: str
    server: str
    jobs: int
    completed: int
    failed: int
    cancelled: int
    expired: int
    gpu_seconds: float
    bytes: int

    @property
    def numbers(self) -> tuple[Any, ...]:
        return self[NAMES:]


def rows_of_day(session: Session, day: date, owner: UUID | None) -> list[ReportRow]:
    """The jobs that were accepted on a day (UTC)."""
    asked = {"day": day, "next_day": day + A_DAY, "owner": None if owner is None else str(owner)}
    return [ReportRow(day.isoformat(), *row) for row in session.connection().execute(ROWS, asked)]


def rows_in(pieces: Iterable[bytes]) -> Iterator[ReportRow]:
    """The rows of a file that `as_csv` has written, without its header, one at a time. Names stay harmless."""
    lines = csv.reader(lines_of(pieces))
    next(lines, None)
    for cells in lines:
        *counts, seconds, size = cells[NAMES:]
        values: list[Any] = [*cells[:NAMES], *map(int, counts), float(seconds), int(size)]
        yield ReportRow(*values)


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (f"{line.decode()}\n" for line in whole)
    if rest:
        yield rest.decode()
