"""When a waiting job may start and end: from how many go before it, and from how long the latest of its kind took.

Nothing is promised: what is not known is None. Every query reads a bounded number of rows.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, union_all
from sqlmodel import Session, col

from shared.fleet.servers import free_slots, usable_slots
from shared.models import GenerationJob, JobStatus

COUNTED = 1000  # jobs that go before: so far they are counted
LATEST = 20  # jobs of a kind whose times are looked at


class Place(NamedTuple):
    """Where in the queue: 1 is the next to start. Not `exact`: it is further back than that."""

    position: int
    exact: bool


class Estimate(NamedTuple):
    """When the job may start and end, or has started and may end."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None


def place_of(session: Session, job: GenerationJob) -> Place | None:
    """A queued job's place among those whose time has come. None for a job that is not among them."""
    waits = job.status == JobStatus.QUEUED and job.run_after is not None and job.run_after <= datetime.now(UTC)
    if not waits:
        return None
    before = session.execute(jobs_before(job)).scalar_one()
    return Place(before + 1, exact=before <= COUNTED)


def jobs_before(job: GenerationJob) -> Select[*tuple[Any, ...]]:
    """How many jobs would be claimed before this one; COUNTED + 1 stands for more. Two stretches of one index."""
    priority, number = col(GenerationJob.priority), col(GenerationJob.id)
    more_urgent, older = priority > job.priority, (priority == job.priority) & (number < job.id)
    due = (col(GenerationJob.status) == JobStatus.QUEUED, col(GenerationJob.run_after) <= func.now())
    stretches = (
        select(number.label("id")).where(*due, stretch).order_by(priority.desc(), number).limit(COUNTED + 1).subquery()
        for stretch in (more_urgent, older)
    )
    together = union_all(*(select(stretch.c.id) for stretch in stretches)).limit(COUNTED + 1).subquery()
    return select(func.count()).select_from(together)


def estimate_for(session: Session, job: GenerationJob, place: Place | None) -> Estimate:
    """When a queued or running job may start and end."""
    if job.status == JobStatus.RUNNING and job.started_at is not None:
        took = usual_time(session, job.workflow_key)
        return Estimate(job.started_at, max(job.started_at + took, datetime.now(UTC)) if took else None)
    if place is None or not place.exact:
        return Estimate()
    took = usual_time(session, job.workflow_key)
    slots, taken = slots_of(session)
    if took is None or not slots:
        return Estimate()
    # So many jobs must end before this one has a slot.
    ends_first = max(0, place.position - max(0, slots - taken))
    starts_at = datetime.now(UTC) + took * ends_first / slots
    return Estimate(starts_at, starts_at + took)


def usual_time(session: Session, workflow_key: str | None) -> timedelta | None:
    """The median of how long the latest jobs of a kind took. None if there are none."""
    if workflow_key is None:
        return None
    seconds = session.execute(median_seconds(workflow_key)).scalar_one()
    return None if seconds is None else timedelta(seconds=float(seconds))


def median_seconds(workflow_key: str) -> Select[*tuple[Any, ...]]:
    latest = (
        select((col(GenerationJob.completed_at) - col(GenerationJob.started_at)).label("took"))
        .where(col(GenerationJob.status) == JobStatus.COMPLETED, col(GenerationJob.workflow_key) == workflow_key)
        .order_by(col(GenerationJob.completed_at).desc())
        .limit(LATEST)
        .subquery("latest")
    )
    return select(func.percentile_cont(0.5).within_group(func.extract("epoch", latest.c.took)))


def slots_of(session: Session) -> tuple[int, int]:
    """The slots of all servers that are given jobs, and how many of them are taken."""
    slots = usable_slots(session)
    return slots, slots - free_slots(session)
