"""What a ComfyUI server's row says: whether it gets jobs, how many, and why not.

The circuit breaker is part of it. It opens once a server has failed 5 jobs within a minute. After 30 seconds the server
is given one job at a time, and the first that shows the server to be well closes the breaker again.
"""

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Update, and_, case, func, not_, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from shared.database.prepared_statement import Prepared
from shared.models import HELD, ComfyUIServer, GenerationJob, JobAttempt

SERVER_SEEN = timedelta(seconds=30)  # a server that no worker saw for longer gets no job
NAMED_WITHIN = timedelta(minutes=1)  # each worker looks at its servers every few seconds
FORGOTTEN_AFTER = timedelta(minutes=50)
FAILURES = 5  # within WINDOW open the breaker ...
WINDOW = timedelta(minutes=1)
OPEN_FOR = timedelta(seconds=30)  # ... and keep it open for this long


class ServerState(StrEnum):
    UP = "up"
    UNREACHABLE = "unreachable"  # it does not answer, or no worker has looked
    UNFIT = "unfit"  # its ComfyUI cannot be worked with: too old, or no true one
    WEDGED = "wedged"  # it answers, and runs nothing
    DRAINING = "draining"  # an operator wants it to get no more jobs
    OPEN = "open"  # too many jobs failed there
    HALF_OPEN = "half-open"  # ... and it is being tried with one


# The state of a server is the first whose condition holds, else UP. Each is true or false, and never NULL.
CONDITIONS: dict[ServerState, ColumnElement[bool]] = {
    ServerState.UNREACHABLE: or_(
        col(ComfyUIServer.unreachable_since).is_not(None),
        col(ComfyUIServer.last_seen_at).is_(None),
        col(ComfyUIServer.last_seen_at) <= func.now() - SERVER_SEEN,
    ),
    ServerState.UNFIT: col(ComfyUIServer.unfit_since).is_not(None),
    ServerState.WEDGED: col(ComfyUIServer.wedged_since).is_not(None),
    ServerState.DRAINING: col(ComfyUIServer.draining_since).is_not(None),
    ServerState.OPEN: and_(
        col(ComfyUIServer.opened_at).is_not(None),
        col(ComfyUIServer.open_until).is_not(None),
        col(ComfyUIServer.open_until) > func.now(),
    ),
    ServerState.HALF_OPEN: col(ComfyUIServer.opened_at).is_not(None),
}
STATE: ColumnElement[str] = case(*((holds, state.value) for state, holds in CONDITIONS.items()), else_=ServerState.UP)
# A server is usable, which is to say is given jobs, in these states: ...
GETS_JOBS = frozenset({ServerState.UP, ServerState.HALF_OPEN})
USABLE: ColumnElement[bool] = and_(*(not_(holds) for state, holds in CONDITIONS.items() if state not in GETS_JOBS))
# ... and may hold this many at once.
MOST_JOBS: ColumnElement[int] = case((CONDITIONS[ServerState.HALF_OPEN], 1), else_=col(ComfyUIServer.slots))

# Whether some worker has this server among its own. Measured by the server that was looked at last, so that none is
# forgotten while no worker runs.
LATEST_LOOK = select(func.max(aliased(ComfyUIServer).named_at)).scalar_subquery()
IS_NAMED = col(ComfyUIServer.named_at) > LATEST_LOOK - NAMED_WITHIN
# A server that is to get no jobs is remembered, or it would get some when it is named again. So is one that was added,
# until it is removed.
IS_FORGOTTEN = (
    col(ComfyUIServer.named_at) <= LATEST_LOOK - FORGOTTEN_AFTER,
    or_(
        col(ComfyUIServer.removed_at).is_not(None),
        and_(col(ComfyUIServer.draining_since).is_(None), col(ComfyUIServer.added_at).is_(None)),
    ),
)

# The jobs that fill a server's slots: what a server has generated is stored without it.
IN_A_SLOT = (col(GenerationJob.status).in_(HELD), col(GenerationJob.generated_at).is_(None))


def server_states(session: Session) -> dict[str, ServerState]:
    """The state of every server, by its name."""
    return {name: ServerState(state) for name, state in session.exec(select(ComfyUIServer.name, STATE))}


def usable_servers(session: Session) -> tuple[int, int]:
    """How many of the servers that workers name are usable, and how many those are."""
    counts = select(func.count().filter(USABLE), func.count()).select_from(ComfyUIServer).where(IS_NAMED)
    usable, named = session.exec(counts).one()
    return usable, named


def is_another_fit(session: Session, server: str) -> bool:
    """Whether workers name another server than this one that can be worked with, even if it is away now."""
    another = (IS_NAMED, col(ComfyUIServer.name) != server, col(ComfyUIServer.unfit_since).is_(None))
    return session.exec(select(ComfyUIServer.name).where(*another).limit(1)).first() is not None


class Slots(NamedTuple):
    """The slots of all usable servers, and how many of them are free."""

    usable: int
    free: int

    @classmethod
    def of(cls, *sums: Decimal) -> Self:
        """PostgreSQL's sums are no integers."""
        return cls(*map(int, sums))


HELD_THERE = select(func.count()).where(*IN_A_SLOT, GenerationJob.server == ComfyUIServer.name).scalar_subquery()
USABLE_SLOTS = func.coalesce(func.sum(MOST_JOBS), 0)
FREE_SLOTS = func.coalesce(func.sum(func.greatest(MOST_JOBS - HELD_THERE, 0)), 0)
SLOTS = Prepared("slots", select(USABLE_SLOTS, FREE_SLOTS).where(USABLE), row=Slots.of)


def slots(session: Session) -> Slots:
    """The slots of all usable servers. Where none is free, nothing can start."""
    return SLOTS.one_or_none(session, {}) or Slots(0, 0)


def free_slots(session: Session) -> int:
    """The free slots of all usable servers."""
    return slots(session).free


def blame(session: Session, server: str, codes: Collection[str]) -> None:
    """An attempt on this server has just failed. `codes` are the errors that count against a server: FAILURES of them
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


def close_breaker(session: Session, server: str) -> None:
    """This server has just brought a job to an end, whatever end that was."""
    session.exec(close_breaker_sql(server).execution_options(synchronize_session=False))


def close_breaker_sql(server: Any) -> Update:
    is_open = (col(ComfyUIServer.name) == server, col(ComfyUIServer.opened_at).is_not(None))
    return update(ComfyUIServer).where(*is_open).values(opened_at=None, open_until=None)


def held(session: Session, server: str) -> ComfyUIServer | None:
    """Its row, locked. None if there is no such server, or if it was removed."""
    found = session.get(ComfyUIServer, server, with_for_update=True)
    return found if found and not found.removed_at else None


def drain(session: Session, server: str) -> ComfyUIServer | None:
    """Give it no more jobs; it finishes what it has. None if there is no such server."""
    found = held(session, server)
    if found and not found.draining_since:
        found.draining_since = session.exec(select(func.now())).one()
    return found


def resume(session: Session, server: str) -> ComfyUIServer | None:
    """Give it jobs again, whatever kept it from them: workers find out by themselves if it still does not work. None
    if there is no such server."""
    found = held(session, server)
    if found:
        for moment in ("draining_since", "wedged_since", "unfit_since", "stuck_since", "opened_at", "open_until"):
            setattr(found, moment, None)
        found.restarted_at = None
        found.problem = found.problem if found.unreachable_since else None
    return found
