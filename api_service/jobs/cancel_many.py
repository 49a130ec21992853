"""Many jobs are cancelled in portions, each a transaction: a request that breaks off has cancelled what it has."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import func, select

from shared.database.engine import patiently
from shared.jobs.cancel import CANCELLABLE, cancel_many
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange
from shared.jobs.listing.pages import page
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus

PORTION = 200
MOST = 10_000  # of one request
PATIENCE = timedelta(seconds=5)


def cancel_matching(messenger: Messenger, filters: Filters, owner: UUID | None) -> tuple[Counter[JobStatus], bool]:
    """Cancel the jobs that match, of those accepted before this began, the oldest first.

    Returns how many are `cancelled` and how many `cancelling`, and whether that was all.
    """
    statuses = [status for status in CANCELLABLE if not filters.status or status in filters.status]
    counts: Counter[JobStatus] = Counter()
    matching = filters.up_to(moment_of(messenger)) if statuses else filters
    while statuses and counts.total() < MOST:
        found, jobs = patiently(partial(cancel_portion, messenger, matching, statuses, owner), patience=PATIENCE)
        for job in jobs:
            counts[job.status] += 1
            if job.status == JobStatus.CANCELLING:
                messenger.request_cancel(job.id)
        if found < PORTION:
            return counts, True
    return counts, not statuses


def cancel_portion(
    messenger: Messenger, filters: Filters, statuses: Sequence[JobStatus], owner: UUID | None
) -> tuple[int, Sequence[GenerationJob]]:
    """Cancel the oldest jobs that match. Returns how many did, and those that had not ended meanwhile."""
    with messenger.transaction() as session:
        found = session.execute(page(filters, statuses, PageRange(owner, PORTION, ascending=True))).all()
        return len(found), cancel_many(session, [row.id for row in found])


def moment_of(messenger: Messenger) -> datetime:
    """Now, as the database says."""
    with messenger.transaction() as session:
        now: datetime = session.scalars(select(func.now())).one()
    return now
