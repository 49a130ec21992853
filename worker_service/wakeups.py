"""Wake-ups are counted, not tracked: as many are sent as there are jobs that could start, less those on their way."""

from collections.abc import Sequence

import redis
import structlog
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from shared import waiting
from shared.broker import waiting_messages
from shared.claims import ABANDONED, FIRST_COMES, SERVER_SEEN, startable
from shared.messages import RunComfyJob
from shared.models import HELD, ComfyUIServer, GenerationJob, JobStatus
from shared.outbox import Outbox

log = structlog.get_logger(__name__)

AT_ONCE = 500  # a backlog is queued in such portions


class WakeUps:
    """Sends missing wake-ups. Safe to call from anywhere at any time: one too many is a claim that finds nothing."""

    def __init__(self, outbox: Outbox, *, slots: int, running_jobs: int | None = None) -> None:
        self.outbox = outbox
        self.slots = slots
        self.running_jobs = running_jobs

    def send_missing(self) -> int:
        """Queue what is due and send what wake-ups it lacks. Returns how many were sent; none while Redis or the
        database is away."""
        try:
            return self.count_and_send()
        except (redis.RedisError, SQLAlchemyError) as error:
            log.warning("wakeups.unavailable", error=str(error))
            return 0

    def count_and_send(self) -> int:
        on_their_way = waiting_messages(self.outbox.broker, RunComfyJob.queue)
        with self.outbox.transaction() as session:
            waiting.expire(session, waiting.overdue(session, AT_ONCE))
            waiting.wake(session, due_pending(session))
        with self.outbox.transaction() as session:
            due = [*abandoned(session), *due_queued(session, self.free_slots(session), self.running_jobs)]
        missing = due[on_their_way:]
        sent = sum(self.outbox.send(RunComfyJob(job_id=job_id)) for job_id in missing)
        if sent:
            log.info("wakeups.sent", count=sent, due=len(due), on_their_way=on_their_way)
        return sent

    def free_slots(self, session: Session) -> int:
        """Free slots of all servers that answer. Where none does, nothing can start, and nothing is sent."""
        answering = session.exec(
            select(ComfyUIServer.name).where(
                col(ComfyUIServer.unreachable_since).is_(None),
                col(ComfyUIServer.last_seen_at) > func.now() - SERVER_SEEN,
            )
        ).all()
        held = select(func.count()).select_from(GenerationJob).where(col(GenerationJob.status).in_(HELD))
        taken = session.exec(held.where(col(GenerationJob.server).in_(answering))).one()
        return max(0, len(answering) * self.slots - taken)


def due_pending(session: Session) -> Sequence[int]:
    due = (GenerationJob.status == JobStatus.PENDING, col(GenerationJob.run_after) <= func.now())
    return session.exec(
        select(GenerationJob.id).where(*due).order_by(col(GenerationJob.run_after)).limit(AT_ONCE)
    ).all()


def due_queued(session: Session, limit: int, running_jobs: int | None) -> Sequence[int]:
    due = select(GenerationJob.id).where(*startable(running_jobs)).order_by(*FIRST_COMES)
    return session.exec(due.limit(limit)).all()


def abandoned(session: Session) -> Sequence[int]:
    return session.exec(select(GenerationJob.id).where(*ABANDONED).limit(AT_ONCE)).all()
