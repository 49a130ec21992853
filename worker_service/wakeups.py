"""Wake-ups are counted, not tracked: as many are sent as there are jobs that could start, less those on their way."""

from collections.abc import Sequence

import redis
import structlog
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from shared import lifecycle
from shared.broker import waiting_messages
from shared.claims import ABANDONED, SERVER_SEEN
from shared.messages import RunComfyJob
from shared.models import HELD, ComfyUIServer, GenerationJob, JobStatus
from shared.outbox import Outbox

log = structlog.get_logger(__name__)

AT_ONCE = 500  # a backlog is queued in such portions


class WakeUps:
    """Sends missing wake-ups. Safe to call from anywhere at any time: one too many is a claim that finds nothing."""

    def __init__(self, outbox: Outbox, *, slots: int) -> None:
        self.outbox = outbox
        self.slots = slots

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
            lifecycle.wake(session, due_pending(session))
        with self.outbox.transaction() as session:
            startable = [*abandoned(session), *due_queued(session, self.free_slots(session))]
        missing = startable[on_their_way:]
        sent = sum(self.outbox.send(RunComfyJob(job_id=job_id)) for job_id in missing)
        if sent:
            log.info("wakeups.sent", count=sent, startable=len(startable), on_their_way=on_their_way)
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


def due_queued(session: Session, limit: int) -> Sequence[int]:
    due = (GenerationJob.status == JobStatus.QUEUED, col(GenerationJob.run_after) <= func.now())
    return session.exec(select(GenerationJob.id).where(*due).order_by(col(GenerationJob.id)).limit(limit)).all()


def abandoned(session: Session) -> Sequence[int]:
    return session.exec(select(GenerationJob.id).where(*ABANDONED).limit(AT_ONCE)).all()
