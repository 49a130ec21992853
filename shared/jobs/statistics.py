"""Jobs are counted as they end, by how long they took: a histogram of fixed size answers for any number of jobs.

Durations fall in buckets whose bounds grow by a tenth, so a percentile is right within five per cent.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, bindparam, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from shared.database.prepared_rows import columns_of
from shared.database.prepared_statement import Prepared
from shared.messaging.events import ChangedJob
from shared.messaging.happenings import TimedJob
from shared.models import JobStatistic, JobStatus

COUNTED_BY = ("user_id", "day", "status", "bucket")
GROWTH = 1.1
NEVER_STARTED = -1
LAST_BUCKET = 230  # 1 ms * 1.1 ** 230 is 38 days


NEW_COUNT = insert(JobStatistic)
MORE: ColumnElement[int] = literal_column("job_statistics.jobs") + NEW_COUNT.excluded.jobs
COUNT = NEW_COUNT.on_conflict_do_update(index_elements=COUNTED_BY, set_={"jobs": MORE})
COUNT_ONE: Prepared[None] = Prepared(
    "count_one",
    COUNT.values(
        {column.name: bindparam(f"its_{column.name}", type_=column.type) for column in columns_of(JobStatistic)}
    ),
    row=lambda: None,
)


class EndedJob(ChangedJob, TimedJob, Protocol):
    """What is counted of a job that has ended, and what its last event says."""

    @property
    def status(self) -> JobStatus: ...
    @property
    def updated_at(self) -> datetime: ...
    @property
    def completed_at(self) -> datetime | None: ...


def count_ended(session: Session, jobs: Sequence[EndedJob]) -> None:
    """Count jobs that have just ended, in the transaction that ended them."""
    counts = Counter((job.user_id, job.created_at.date(), job.status, bucket_of(job)) for job in jobs)
    # In one order, so that two who count never wait for each other.
    rows = [dict(zip((*COUNTED_BY, "jobs"), (*key, counts[key]), strict=True)) for key in sorted(counts)]
    if len(rows) == 1:
        COUNT_ONE.rows(session, {f"its_{name}": value for name, value in rows[0].items()})
    elif rows:
        session.connection().execute(COUNT, rows)


def bucket_of(job: EndedJob) -> int:
    """The bucket of a job that has ended: the logarithm of its milliseconds, cut to what is kept."""
    if job.started_at is None or job.completed_at is None:
        return NEVER_STARTED
    milliseconds = max(1.0, (job.completed_at - job.started_at).total_seconds() * 1000)
    return min(LAST_BUCKET, math.floor(math.log(milliseconds) / math.log(GROWTH)))


def percentile_ms(jobs_by_bucket: Mapping[int, int], share: float) -> int | None:
    """The duration, in ms, that this share of the started jobs did not exceed. None if none was started."""
    started = {bucket: jobs for bucket, jobs in jobs_by_bucket.items() if bucket != NEVER_STARTED and jobs}
    wanted = share * sum(started.values())
    passed = 0
    for bucket in sorted(started):
        passed += started[bucket]
        if passed >= wanted:
            # The middle of the bucket, on the scale of the buckets.
            return round(math.pow(GROWTH, bucket + 0.5))
    return None
