"""Wake-ups are counted, not tracked: as many are sent as there are jobs that could start, less those on their way."""

from collections.abc import Sequence

import redis
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from shared.fleet.servers import free_slots
from shared.jobs import before_start
from shared.jobs.claim.conditions import ABANDONED, RUNNING_JOBS, STARTABLE
from shared.jobs.claim.order import first_comes
from shared.messaging.after_commit import Outbox
from shared.messaging.broker import waiting_messages
from shared.messaging.messages import RunComfyJob
from shared.models import GenerationJob

log = structlog.get_logger(__name__)

AT_ONCE = 500  # a backlog is queued in such portions


class WakeUps:
    """Sends missing wake-ups. Safe to call from anywhere at any time: one too many is a claim that finds nothing."""

    def __init__(self, outbox: Outbox, *, running_jobs: int | None = None) -> None:
        self.outbox = outbox
        self.running_jobs = running_jobs

    def send_missing(self) -> int:
        """Queue what is due and send what wake-ups it lacks. Returns how many were sent; none while Redis or the
        database is away."""
        try:
            return self.count_and_send()
        except (redis.RedisError, SQLAlchemyError) as error:
            log.warning("wakeups.unavailable", error=str(error))
            return 0

    def send_one(self, job_id: int) -> None:
        """A slot is free again: have somebody look for a job that waits for it, unless a message waits that does."""
        try:
            if waiting_messages(self.outbox.broker, RunComfyJob.queue) == 0:
                self.outbox.send(RunComfyJob(job_id=job_id))
        except redis.RedisError as error:
            log.warning("wakeups.unavailable", error=str(error))

    def count_and_send(self) -> int:
        on_their_way = waiting_messages(self.outbox.broker, RunComfyJob.queue)
        with self.outbox.transaction() as session:
            before_start.expire(session, before_start.overdue(session, AT_ONCE))
            before_start.wake(session, before_start.due_pending(session, AT_ONCE))
        with self.outbox.transaction() as session:
            due = [*abandoned(session), *due_queued(session, free_slots(session), self.running_jobs)]
        missing = due[on_their_way:]
        sent = sum(self.outbox.send(RunComfyJob(job_id=job_id)) for job_id in missing)
        if sent:
            log.info("wakeups.sent", count=sent, due=len(due), on_their_way=on_their_way)
        return sent


def due_queued(session: Session, limit: int, running_jobs: int | None) -> Sequence[int]:
    due = select(GenerationJob.id).where(*STARTABLE).order_by(*first_comes()).limit(limit)
    return session.exec(due, params={RUNNING_JOBS.key: running_jobs}).all()


def abandoned(session: Session) -> Sequence[int]:
    return session.exec(select(GenerationJob.id).where(*ABANDONED).limit(AT_ONCE)).all()
