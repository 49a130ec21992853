"""What a ComfyUI server's row says: whether it gets jobs, how many, and why not.

The circuit breaker is part of it. It opens once a server has failed so many jobs within a minute; after a while the
server is given one job at a time, and the first that shows it well closes the breaker again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Update, case, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from shared.models import HELD, ComfyUIServer, GenerationJob, JobAttempt

SERVER_SEEN = timedelta(seconds=30)  # a server that no worker saw for so long gets no job
NAMED_WITHIN = timedelta(minutes=1)  # each worker looks at its servers every few seconds
FORGOTTEN_AFTER = timedelta(minutes=50)
FAILURES = 5  # so many ...
WINDOW = timedelta(minutes=1)  # ... within so long open the breaker ...
OPEN_FOR = timedelta(seconds=30)  # ... and keep it open for so long


class ServerState(StrEnum):
    UP = "up"
    UNREACHABLE = "unreachable"  # it does not answer, or no worker has looked
    WEDGED = "wedged"  # it answers, and runs nothing
    DRAINING = "draining"  # an operator wants it to get no more jobs
    OPEN = "open"  # too many jobs failed there
    HALF_OPEN = "half-open"  # ... and it is being tried with one


def state_of(server: ComfyUIServer, now: datetime) -> ServerState:
    """The first that holds of what keeps a server from being given jobs."""
    if server.unreachable_since or server.last_seen_at is None or server.last_seen_at <= now - SERVER_SEEN:
        return ServerState.UNREACHABLE
    if server.wedged_since:
        return ServerState.WEDGED
    if server.draining_since:
        return ServerState.DRAINING
    if server.opened_at:
        return ServerState.OPEN if server.open_until and server.open_until > now else ServerState.HALF_OPEN
    return ServerState.UP


# The same for a query: what a server must be to be given jobs ...
USABLE = (
    col(ComfyUIServer.unreachable_since).is_(None),
    col(ComfyUIServer.last_seen_at) > func.now() - SERVER_SEEN,
    col(ComfyUIServer.wedged_since).is_(None),
    col(ComfyUIServer.draining_since).is_(None),
)
# ... and how many it may hold at once.
OPEN_SLOTS: ColumnElement[int] = case(
    (col(ComfyUIServer.opened_at).is_(None), col(ComfyUIServer.slots)),
    (col(ComfyUIServer.open_until) > func.now(), 0),
    else_=1,
)


# Whether some worker has this server among its own. Measured by the server that was looked at last, so that none is
# forgotten while no worker runs.
LATEST_LOOK = select(func.max(aliased(ComfyUIServer).named_at)).scalar_subquery()
IS_NAMED = col(ComfyUIServer.named_at) > LATEST_LOOK - NAMED_WITHIN
# A server that is to get no jobs is remembered, or it would get some when it is named again.
IS_FORGOTTEN = (
    col(ComfyUIServer.named_at) <= LATEST_LOOK - FORGOTTEN_AFTER,
    col(ComfyUIServer.draining_since).is_(None),
)

# The jobs that fill a server's slots: what a server has generated is stored without it.
IN_A_SLOT = (col(GenerationJob.status).in_(HELD), col(GenerationJob.generated_at).is_(None))


def free_slots(session: Session) -> int:
    """Free slots of all servers that are given jobs. Where there is none, nothing can start."""
    held = select(func.count()).where(*IN_A_SLOT, GenerationJob.server == ComfyUIServer.name).scalar_subquery()
    free = select(func.coalesce(func.sum(func.greatest(OPEN_SLOTS - held, 0)), 0)).where(*USABLE)
    return int(session.exec(free).one())


def blame(session: Session, server: str, codes: Collection[str]) -> None:
    """An attempt on this server has just failed. `codes` are the errors that speak against a server: enough of them
    open its breaker, and one does where it was being tried."""
    recently = (
        select(func.count())
        .select_from(JobAttempt)
        .where(
            col(JobAttempt.server) == server,
            col(JobAttempt.ended_at) > func.now() - WINDOW,
            col(JobAttempt.error_code).in_(codes),
        )
        .scalar_subquery()
    )
    session.exec(
        update(ComfyUIServer)
        .where(col(ComfyUIServer.name) == server, or_(col(ComfyUIServer.opened_at).is_not(None), recently >= FAILURES))
        .values(
            opened_at=func.coalesce(ComfyUIServer.opened_at, func.now()),
            open_until=func.now() + OPEN_FOR,
        )
        .execution_options(synchronize_session=False)
    )


def trust(session: Session, server: str) -> None:
    """This server has just brought a job to an end: its breaker is closed."""
    session.exec(trusting(server).execution_options(synchronize_session=False))


def trusting(server: Any) -> Update:
    opened = (col(ComfyUIServer.name) == server, col(ComfyUIServer.opened_at).is_not(None))
    return update(ComfyUIServer).where(*opened).values(opened_at=None, open_until=None)


def drain(session: Session, server: str) -> ComfyUIServer | None:
    """Give it no more jobs; it finishes what it has. None if there is no such server."""
    found = session.get(ComfyUIServer, server, with_for_update=True)
    if found and not found.draining_since:
        found.draining_since = session.exec(select(func.now())).one()
    return found


def resume(session: Session, server: str) -> ComfyUIServer | None:
    """Give it jobs again. None if there is no such server."""
    found = session.get(ComfyUIServer, server, with_for_update=True)
    if found:
        found.draining_since = None
    return found
