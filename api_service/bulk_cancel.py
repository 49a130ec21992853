"""Many jobs are cancelled in portions, each a transaction: a request that breaks off has cancelled what it has."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

import sqlalchemy
from sqlmodel import col, select

from api_service.filters import Filters
from api_service.listing import Stretch, page
from shared import lifecycle
from shared.database import patiently
from shared.models import GenerationJob, JobStatus
from shared.outbox import Outbox

PORTION = 200
MOST = 10_000  # of one request
PATIENCE = timedelta(seconds=5)
CANCELLABLE = (JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING)


def cancel_matching(outbox: Outbox, filters: Filters, owner: UUID | None) -> tuple[Counter[JobStatus], bool]:
    """Cancel the jobs that match, of those accepted before this began, the oldest first.

    Returns how many are `cancelled` and how many `cancelling`, and whether that was all.
    """
    statuses = [status for status in CANCELLABLE if not filters.status or status in filters.status]
    counts: Counter[JobStatus] = Counter()
    matching = up_to(filters, moment_of(outbox)) if statuses else filters
    while statuses and counts.total() < MOST:
        jobs = patiently(partial(cancel_portion, outbox, matching, statuses, owner), patience=PATIENCE)
        for job in jobs:
            counts[job.status] += 1
            if job.status == JobStatus.CANCELLING:
                outbox.request_cancel(job.id)
        if not jobs:
            return counts, True
    return counts, not statuses


def cancel_portion(
    outbox: Outbox, filters: Filters, statuses: Sequence[JobStatus], owner: UUID | None
) -> list[GenerationJob]:
    """Cancel the oldest jobs that match. Returns them; those that ended meanwhile as they ended."""
    with outbox.transaction() as session:
        found = session.execute(page(filters, statuses, Stretch(owner, PORTION, ascending=True))).all()
        # All of them are locked first, and their statistics touched in one order: so that two who cancel never wait
        # for each other.
        numbers = [row.id for row in found]
        locked = select(GenerationJob).where(col(GenerationJob.id).in_(numbers)).order_by(col(GenerationJob.id))
        jobs = sorted(session.exec(locked.with_for_update()), key=statistics_order)
        return [job for job in (lifecycle.cancel(session, job.id) for job in jobs) if job is not None]


def statistics_order(job: GenerationJob) -> tuple[date, float]:
    """The order of a job's key in `job_statistics`: by day, those never started first, the longest started last."""
    return job.created_at.date(), -job.started_at.timestamp() if job.started_at else -math.inf


def moment_of(outbox: Outbox) -> datetime:
    """Now, as the database says."""
    with outbox.transaction() as session:
        now: datetime = session.scalars(sqlalchemy.select(sqlalchemy.func.now())).one()
    return now


def up_to(filters: Filters, moment: datetime) -> Filters:
    """The same filters for jobs accepted before this moment."""
    before = filters.created_before
    return filters.model_copy(update={"created_before": moment if before is None else min(before, moment)})
