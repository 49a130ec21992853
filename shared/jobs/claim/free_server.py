"""What there is to do, and a server with a free slot for it, whose row stays locked until the claim is made."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, and_, any_, cast, exists, func, literal, or_, select, true
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.fleet.servers import IN_A_SLOT, MOST_JOBS, USABLE
from shared.jobs.claim.conditions import (
    ABANDONED_WITHIN_REACH,
    CHECKPOINT,
    SERVERS,
    SOMEBODY_IS_LIMITED,
    FreeServer,
    startable,
)
from shared.jobs.claim.order import first_comes
from shared.jobs.lanes.parking import ANY_PARKED, RUNNING_JOBS
from shared.models import ComfyUIServer, GenerationJob

ServerRow = tuple[str, str | None, datetime | None]

LIMITED_CLAIMS = 0x67656E6F_0001  # locked by a claim that counts what a user has running
LOCK_LIMITED = select(func.pg_advisory_xact_lock(LIMITED_CLAIMS))

# Counted once, and not for each server again.
LOAD = (
    select(col(GenerationJob.server), func.count().label("jobs"))
    .where(*IN_A_SLOT)
    .group_by(col(GenerationJob.server))
    .cte("load")
    .prefix_with("MATERIALIZED")
)
LOADED_JOBS = func.coalesce(LOAD.c.jobs, 0)
# Prompts of others in its queue take their time like jobs. Those that came since the last look are not known.
LOADED_PROMPTS = LOADED_JOBS + col(ComfyUIServer.foreign_prompts)
# How many of the servers are usable and come forward with what they have.
MOVING = (
    select(func.count().label("servers"))
    .select_from(ComfyUIServer)
    .where(col(ComfyUIServer.name) == any_(SERVERS), USABLE, col(ComfyUIServer.stuck_since).is_(None))
    .cte("moving")
)
# Behind a prompt of which nothing is heard a job may wait for long: it goes there only where there is nothing else.
IS_WORTH_WAITING = or_(col(ComfyUIServer.stuck_since).is_(None), select(MOVING.c.servers).scalar_subquery() == 0)


def free_server(wanted: ColumnElement[str] | ColumnElement[str | None]) -> Select[*ServerRow]:
    """The query for the best server with a free slot: an idle one, then one that has the wanted
    checkpoint loaded, then the one that comes first to its end: with few prompts, and fast."""
    return (
        select(col(ComfyUIServer.name), col(ComfyUIServer.loaded_checkpoint), col(ComfyUIServer.loaded_since))
        .outerjoin(LOAD, LOAD.c.server == col(ComfyUIServer.name))
        .where(col(ComfyUIServer.name) == any_(SERVERS), USABLE, LOADED_JOBS < MOST_JOBS, IS_WORTH_WAITING)
        .order_by(
            LOADED_PROMPTS > 0,
            func.coalesce(col(ComfyUIServer.loaded_checkpoint) == wanted, False).desc(),
            (LOADED_PROMPTS + 1) / col(ComfyUIServer.weight),
            col(ComfyUIServer.name),
        )
        .limit(1)
    )


def locked(servers: Select[*ServerRow], *, skip_locked: bool) -> Select[*ServerRow]:
    """The query, locking what it finds. No key of the row changes, so rows which point at it can be written
    meanwhile."""
    return servers.with_for_update(of=ComfyUIServer, key_share=True, skip_locked=skip_locked)


FREE_SERVER_AT_ONCE = Prepared("free_server_at_once", locked(free_server(CHECKPOINT), skip_locked=True), row=FreeServer)
FREE_SERVER_IN_TURN = Prepared(
    "free_server_in_turn", locked(free_server(CHECKPOINT), skip_locked=False), row=FreeServer
)

# The servers that nobody uses: no job is held there, and nobody else's prompt was seen there.
IDLE_SERVERS = (
    select(col(ComfyUIServer.name))
    .where(
        col(ComfyUIServer.name) == any_(SERVERS),
        USABLE,
        col(ComfyUIServer.foreign_prompts) == 0,
        col(ComfyUIServer.stuck_since).is_(None),
        ~exists().where(*IN_A_SLOT, col(GenerationJob.server) == col(ComfyUIServer.name)),
    )
    .order_by(col(ComfyUIServer.name))
)

LIMITS = select(SOMEBODY_IS_LIMITED.label("somebody")).cte("limits").prefix_with("MATERIALIZED")
NOBODY_IS_LIMITED = and_(cast(RUNNING_JOBS, Integer).is_(None), ~select(LIMITS.c.somebody).scalar_subquery())
IS_ABANDONED = exists(select(col(GenerationJob.id)).where(*ABANDONED_WITHIN_REACH))
FIRST = (
    select(col(GenerationJob.id), col(GenerationJob.checkpoint_model))
    .where(*startable(NOBODY_IS_LIMITED))
    .order_by(*first_comes())
    .limit(1)
    .subquery("first")
)
# Where somebody is limited no server is locked yet: those who count come one at a time, and take their lock first.
FREE_FOR_FIRST = (
    locked(free_server(FIRST.c.checkpoint_model), skip_locked=True)
    .where(FIRST.c.id.is_not(None), NOBODY_IS_LIMITED, ~IS_ABANDONED)
    .lateral("free_server")
)


class Backlog(NamedTuple):
    """What there is to do: a job to adopt, or a first one to start; whether anybody's running jobs are limited; and a
    server for that first one, if it was time to lock one and one was free. And whether any jobs are parked."""

    is_abandoned: bool
    is_limited: bool
    are_parked: bool
    first: int | None
    checkpoint: str | None
    server: FreeServer | None

    @classmethod
    def of_row(cls, *row: Any) -> "Backlog":
        *backlog, name, loaded, since = row
        return cls._make([*backlog, FreeServer(name, loaded, since) if name else None])


LOOK = Prepared(
    "look",
    select(
        IS_ABANDONED.label("is_abandoned"),
        (~NOBODY_IS_LIMITED).label("is_limited"),
        ANY_PARKED.label("are_parked"),
        FIRST.c.id,
        FIRST.c.checkpoint_model,
        *FREE_FOR_FIRST.c,
    ).select_from(
        select(literal(1).label("one")).subquery("one").outerjoin(FIRST, true()).outerjoin(FREE_FOR_FIRST, true())
    ),
    row=Backlog.of_row,
)


def read_backlog(session: Session, servers: Sequence[str], running_jobs: int | None) -> Backlog:
    """A wake-up that finds nothing costs one look at two indexes."""
    found = LOOK.one_or_none(session, {SERVERS.key: servers, RUNNING_JOBS.key: running_jobs})
    assert found is not None, "it has one row in any case"
    return found


def count_exactly(session: Session) -> None:
    """Where there are limits of running jobs, one claim counts at a time, or two could take a user's last."""
    session.connection().execute(LOCK_LIMITED)


def free_servers(session: Session, servers: Sequence[str], backlog: Backlog) -> Iterator[FreeServer]:
    """The servers with a free slot, each locked in turn.

    One that another claim has locked is passed over. If all are, only the first is waited for: a claim that holds
    one and waits for the next could wait for ever. BEST_JOB counts again what is free, for the other claim may have
    filled the slot.
    """
    left = list(servers)
    server = backlog.server
    while left:
        values = {SERVERS.key: left, CHECKPOINT.key: backlog.checkpoint}
        found = server or FREE_SERVER_AT_ONCE.one_or_none(session, values)
        if found is None and len(left) == len(servers):
            found = FREE_SERVER_IN_TURN.one_or_none(session, values)
        if found is None:
            return
        yield found
        left.remove(found.name)
        server = None
