"""Whose job's end was handed to a stream of its owner has seen it: no e-mail tells of it, and it is read.

Only streams of single jobs count, and `Prefer: wait`. A stream of all jobs is mostly a program that is open day and
night, and would silence everything.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import structlog
from sqlalchemy import Engine, func, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from api_service.notifications.listing import hold
from shared.database.engine import reading, transaction
from shared.models import Notification

log = structlog.get_logger(__name__)


async def note_what_was_seen(seen: set[int], engine: Engine, run: Callable[..., Any], *, every_s: float) -> None:
    """Mark what is told of these jobs, which whoever hands out events adds to. Runs until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        if not seen:
            continue
        job_ids = tuple(seen)
        try:
            await run(mark_seen, engine, job_ids)
        except SQLAlchemyError as error:  # they are kept for the next time
            log.warning("notifications.not_marked", error=str(error))
            continue
        seen.difference_update(job_ids)


def mark_seen(engine: Engine, job_ids: Collection[int]) -> int:
    """Mark what was told of these jobs as read, and as owed to no e-mail. Returns how many that was."""
    of_jobs = col(Notification.job_id).in_(job_ids)
    with reading(engine) as session:
        users = session.exec(select(Notification.user_id).where(of_jobs).distinct()).all()
    if not users:
        return 0
    with transaction(engine) as session:
        hold(session, users)
        values = {"read_at": func.coalesce(Notification.read_at, func.now()), "mail_owed": False}
        marked = update(Notification).where(of_jobs).values(values)
        return session.exec(marked.execution_options(synchronize_session=False)).rowcount
