"""What a report counts: the jobs of a day, by user, checkpoint and server; and what it cannot count any more."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, bindparam, text
from sqlmodel import Session

from shared.models import FINAL
from shared.schedules.timing import moment_of

A_DAY = timedelta(days=1)
# A worker holds a job from its claim on; the GPU is done with it when ComfyUI is.
# Statistics count each job that has ended by the day (UTC) on which it was accepted, and none that was imported: what
# of these has no row any more was deleted.
ROWS = text("""
WITH counted AS (
    SELECT job.user_id, coalesce(job.checkpoint_model, '') AS checkpoint, coalesce(job.server, '') AS server,
        count(*) AS jobs, count(*) FILTER (WHERE job.status = 'completed') AS completed,
        count(*) FILTER (WHERE job.status = 'failed') AS failed,
        count(*) FILTER (WHERE job.status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE job.status = 'expired') AS expired,
        sum(held.seconds) AS seconds, sum(stored.bytes) AS bytes, count(*) FILTER (WHERE
            held.attempts = 0 AND job.started_at IS NOT NULL OR job.warnings @> '[{"code": "outputs_removed"}]'
        ) AS incomplete
    FROM generation_jobs AS job
    LEFT JOIN LATERAL (
        SELECT count(*) AS attempts, sum(greatest(0, extract(epoch FROM
            least(coalesce(attempt.ended_at, now()), coalesce(job.generated_at, 'infinity')) - attempt.started_at
        ))) AS seconds FROM job_attempts AS attempt WHERE attempt.job_id = job.id
    ) AS held ON true
    LEFT JOIN LATERAL (SELECT sum(size_bytes) AS bytes FROM job_outputs WHERE job_id = job.id) AS stored ON true
    WHERE job.created_at >= :since AND job.created_at < :until
        AND (CAST(:owner AS uuid) IS NULL OR job.user_id = CAST(:owner AS uuid))
    GROUP BY 1, 2, 3
), kept AS (
    SELECT user_id, count(*) AS jobs FROM generation_jobs AS job
    WHERE created_at >= CAST(:day AS timestamp) AT TIME ZONE 'UTC'
        AND created_at < CAST(:next_day AS timestamp) AT TIME ZONE 'UTC' AND status = ANY(:final)
        AND (CAST(:owner AS uuid) IS NULL OR user_id = CAST(:owner AS uuid))
        AND NOT EXISTS (SELECT FROM imported_jobs WHERE imported_jobs.job_id = job.id)
    GROUP BY 1
), ended AS (
    SELECT user_id, sum(jobs) AS jobs FROM job_statistics
    WHERE day = :day AND (CAST(:owner AS uuid) IS NULL OR user_id = CAST(:owner AS uuid)) GROUP BY 1
), gone AS (
    SELECT user_id, '' AS checkpoint, '' AS server, ended.jobs - coalesce(kept.jobs, 0) AS deleted
    FROM ended LEFT JOIN kept USING (user_id) WHERE ended.jobs > coalesce(kept.jobs, 0)
)
SELECT users.name, checkpoint, server, coalesce(jobs, 0), coalesce(completed, 0), coalesce(failed, 0),
    coalesce(cancelled, 0), coalesce(expired, 0), round(coalesce(seconds, 0)::numeric, 3)::double precision,
    coalesce(bytes, 0)::bigint, coalesce(deleted, 0)::bigint, coalesce(incomplete, 0)
FROM counted FULL JOIN gone USING (user_id, checkpoint, server) JOIN users ON users.id = user_id
ORDER BY 1, 2, 3
""").bindparams(bindparam("day", type_=Date), bindparam("next_day", type_=Date))

NAMED = ("day", "user", "checkpoint", "server")
NUMBERS = ("jobs", "completed", "failed", "cancelled", "expired", "gpu_seconds", "bytes", "deleted", "incomplete")
COLUMNS = (*NAMED, *NUMBERS, "time_zone")


class ReportRow(NamedTuple):
    """One line of a report, as COLUMNS has it. `deleted` is of the same day in UTC, and of jobs whose checkpoint and
    server nobody knows any more; of the `incomplete` jobs attempts or outputs are gone, with their seconds and bytes.
    """

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
    deleted: int
    incomplete: int
    time_zone: str

    @property
    def numbers(self) -> tuple[Any, ...]:
        return self[len(NAMED) : -1]


def rows_of_day(session: Session, day: date, zone: tzinfo, owner: UUID | None) -> list[ReportRow]:
    """The jobs that were accepted on a day of this time zone."""
    since, until = (beginning_of(one, zone) for one in (day, day + A_DAY))
    asked = {"since": since, "until": until, "day": day, "next_day": day + A_DAY, "final": list(FINAL)}
    rows = session.connection().execute(ROWS, {**asked, "owner": None if owner is None else str(owner)})
    return [ReportRow._make((day.isoformat(), *row, str(zone))) for row in rows]


def beginning_of(day: date, zone: tzinfo) -> datetime:
    """When the clock first shows that day: it may have 23 hours, or 25, or where the clock leaves it out none."""
    return moment_of(datetime.combine(day, datetime.min.time()), zone)


def rows_in(pieces: Iterable[bytes]) -> Iterator[ReportRow]:
    """The rows of a file that `as_csv` has written, without its header, one at a time. Names stay harmless."""
    lines = csv.reader(lines_of(pieces))
    next(lines, None)
    for cells in lines:
        numbers = (
            float(cell) if name == "gpu_seconds" else int(cell)
            for name, cell in zip(NUMBERS, cells[len(NAMED) : -1], strict=True)
        )
        values: list[Any] = [*cells[: len(NAMED)], *numbers, cells[-1]]
        yield ReportRow(*values)


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (f"{line.decode()}\n" for line in whole)
    if rest:
        yield rest.decode()
