"""Once a minute the scheduler that leads notes how much there is to do, and what there is to do it with."""

from typing import Any

from sqlalchemy import Engine, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from shared.database.engine import transaction
from shared.fleet.history import FINE, PRIORITIES, step_of
from shared.fleet.servers import IN_A_SLOT, IS_NAMED, MOST_JOBS, USABLE
from shared.models import ComfyUIServer, GenerationJob, HistorySample, JobStatus, User


def take_sample(engine: Engine) -> None:
    """Note this minute, unless it is noted already."""
    with transaction(engine) as session:
        now = {"step_s": FINE.total_seconds(), "at": session.execute(select(step_of(func.now(), FINE))).scalar_one()}
        sample = insert(HistorySample).values(**now, **queue(session), **fleet(session), **store(session))
        session.execute(sample.on_conflict_do_nothing())


def queue(session: Session) -> dict[str, Any]:
    priority = col(GenerationJob.priority)
    could_run = func.min(func.coalesce(GenerationJob.run_after, GenerationJob.created_at))
    waited = func.greatest(0, func.extract("epoch", func.now() - could_run))
    queued = select(priority, func.count(), waited).where(col(GenerationJob.status) == JobStatus.QUEUED)
    found = session.execute(queued.group_by(priority)).all()
    counts = {number: count for number, count, _ in found}
    waiting = [counts.get(number, 0) for number in PRIORITIES]
    return {"waiting": waiting, "oldest_wait_s": max((seconds for *_, seconds in found), default=None)}


def fleet(session: Session) -> dict[str, Any]:
    jobs = select(func.count()).where(*IN_A_SLOT, col(GenerationJob.server) == col(ComfyUIServer.name))
    named = select(
        case((USABLE, MOST_JOBS), else_=0).label("slots"), jobs.scalar_subquery().label("used"), USABLE.label("usable")
    )
    of = named.where(IS_NAMED).subquery("named").c
    is_busy = of.used > 0
    counts = select(
        func.coalesce(func.sum(of.slots), 0).label("slots"),
        func.coalesce(func.sum(of.used), 0).label("slots_used"),
        func.count().filter(or_(of.usable, is_busy)).label("servers"),
        func.count().filter(is_busy).label("servers_busy"),
    )
    return dict(session.execute(counts).mappings().one())


def store(session: Session) -> dict[str, Any]:
    stored = select(func.coalesce(func.sum(User.stored_bytes), 0))
    return {"stored_bytes": session.execute(stored).scalar_one()}
