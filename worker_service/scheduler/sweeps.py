"""What is removed once nobody needs it, and what is ended because nobody else can end it."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Engine, delete, func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from shared.database.engine import reading, transaction
from shared.database.troubles.unavailable import is_unavailable
from shared.fleet.capabilities import LOCK_OFFERS, compare_servers
from shared.fleet.servers import IS_FORGOTTEN
from shared.jobs.claim.worn_out import end_worn_out, worn_out
from shared.messaging.messenger import Messenger
from shared.models import (
    FINAL,
    ComfyUIServer,
    GenerationJob,
    JobAttempt,
    Outcome,
    StreamTicket,
    Worker,
)
from shared.tasks import life
from shared.texts.reasons import driver_reason

log = structlog.get_logger(__name__)

AT_ONCE = 500  # rows of one kind
A_DAY = timedelta(days=1)


def end_worn_out_jobs(messenger: Messenger) -> int:
    """End jobs that have no claim left and that nobody holds. Returns how many were ended."""
    with reading(messenger.engine) as session:
        found = worn_out(session, AT_ONCE)
    return sum(is_ended(messenger, job_id) for job_id in found)


def is_ended(messenger: Messenger, job_id: int) -> bool:
    """Each in a transaction of its own: one that cannot be ended keeps no other from it."""
    try:
        with messenger.transaction() as session:
            job = end_worn_out(session, job_id)
    except SQLAlchemyError as error:
        if is_unavailable(error):
            raise
        log.error("job.not_ended", job_id=job_id, error=driver_reason(error))  # noqa: TRY400
        return False
    if job is None:
        return False
    log.error("job.worn_out", job_id=job_id, server=job.server, comfyui_prompt_id=job.comfyui_prompt_id)
    return True


def remove_expired_tickets(engine: Engine) -> int:
    """Returns how many were removed."""
    expired = delete(StreamTicket).where(col(StreamTicket.expires_at) <= func.now())
    with transaction(engine) as session:
        removed = session.exec(expired).rowcount
    if removed:
        log.info("tickets.removed", count=removed)
    return removed


def remove_expired_tasks(messenger: Messenger) -> int:
    """Remove tasks that ended long ago. Returns how many. Their folders are noted, for the next sweep of those."""

    def portion() -> int:
        with messenger.transaction() as session:
            return life.remove_expired(session, AT_ONCE)

    removed = in_portions(portion)
    if removed:
        log.info("tasks.removed", count=removed)
    return removed


def forget_servers(engine: Engine) -> list[str]:
    """Forget servers that no worker names, with what they could do. Returns their names."""
    with reading(engine) as session:
        if session.exec(select(ComfyUIServer.name).where(*IS_FORGOTTEN).limit(1)).first() is None:
            return []
    with transaction(engine) as session:
        forgotten = delete_forgotten(session)
    log.info("servers.forgotten", servers=forgotten)
    return forgotten


def delete_forgotten(session: Session) -> list[str]:
    # Before the rows: who records what a server can do takes this lock first, too.
    session.execute(LOCK_OFFERS)
    statement = delete(ComfyUIServer).where(*IS_FORGOTTEN).returning(col(ComfyUIServer.name))
    forgotten = sorted(session.execute(statement.execution_options(synchronize_session=False)).scalars())
    compare_servers(session)
    return forgotten


def forget_workers(engine: Engine) -> int:
    """Forget workers that were not seen for a day. Returns how many were forgotten.

    One stays while a job goes on that it let go: whether it lived on decides whether the job killed it.
    """
    lost = (
        select(JobAttempt.worker_id)
        .join(GenerationJob, col(GenerationJob.id) == col(JobAttempt.job_id))
        .where(JobAttempt.outcome == Outcome.EXPIRED, col(GenerationJob.status).not_in(sorted(FINAL)))
    )
    gone = col(Worker.last_seen_at) <= func.now() - A_DAY
    forgotten = delete(Worker).where(gone, col(Worker.id).not_in(lost))
    with transaction(engine) as session:
        count = session.exec(forgotten.execution_options(synchronize_session=False)).rowcount
    if count:
        log.info("workers.forgotten", count=count)
    return count


def in_portions(portion: Callable[[], int]) -> int:
    """Do it again while it did as many as it takes AT_ONCE: one that fails in part is left for the next sweep. Returns
    how many in all."""
    done = 0
    while True:
        count = portion()
        done += count
        if count < AT_ONCE:
            return done
