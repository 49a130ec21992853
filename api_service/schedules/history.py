"""How the jobs of schedules went: the last one of each, and how many have failed in a row."""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine, lateral, select, true
from sqlalchemy.orm import load_only
from sqlmodel import Session, col

from shared.database.engine import reading
from shared.models import GenerationJob, JobStatus, Schedule

COUNTED = 20  # failures in a row, at most
OF_LAST = ("status", "completed_at", "error_code", "error_message")  # what is read of a last job
SHOWN = tuple(getattr(GenerationJob, name) for name in OF_LAST)
FAILURES = frozenset({JobStatus.FAILED, JobStatus.EXPIRED})
ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.EXPIRED)  # a cancelled one says nothing


class Past(NamedTuple):
    """The last job of a schedule, None if it is deleted or was never made; and its failures in a row, up to COUNTED."""

    last: GenerationJob | None
    failures: int


def past_of(engine: Engine, schedules: Sequence[Schedule]) -> dict[UUID, Past]:
    """By schedule, in two questions."""
    if not schedules:
        return {}
    with reading(engine) as session:
        ended = latest_ends(session, [one.id for one in schedules])
        last_ids = [one.last_job_id for one in schedules if one.last_job_id is not None]
        last = select(GenerationJob).where(col(GenerationJob.id).in_(last_ids)).options(load_only(*SHOWN))
        jobs = session.scalars(last) if last_ids else ()
        by_id = {job.id: job for job in jobs}
    return {
        one.id: Past(
            by_id.get(one.last_job_id or 0),
            sum(1 for _ in takewhile(FAILURES.__contains__, ended.get(one.id, ()))),
        )
        for one in schedules
    }


def latest_ends(session: Session, schedule_ids: Sequence[UUID]) -> dict[UUID, list[JobStatus]]:
    """How the latest jobs of each schedule ended, the newest first."""
    latest = (
        select(col(GenerationJob.status), col(GenerationJob.created_at), col(GenerationJob.id))
        .where(col(GenerationJob.schedule_id) == col(Schedule.id), col(GenerationJob.status).in_(ENDED))
        .order_by(col(GenerationJob.created_at).desc(), col(GenerationJob.id).desc())
        .limit(COUNTED)
    )
    each = lateral(latest.correlate(Schedule), name="latest")
    asked = (
        select(col(Schedule.id), each.c.status)
        .select_from(Schedule)
        .join(each, true())
        .where(col(Schedule.id).in_(schedule_ids))
        .order_by(col(Schedule.id), each.c.created_at.desc(), each.c.id.desc())
    )
    found: dict[UUID, list[JobStatus]] = {}
    for schedule_id, status in session.execute(asked):
        found.setdefault(schedule_id, []).append(status)
    return found
