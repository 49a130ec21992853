"""What there is to do, and a server with a free slot for it, whose row stays locked until the claim is made."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import any_, exists, func, literal, select, true
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.fleet.servers import IN_A_SLOT, OPEN_SLOTS, USABLE
from shared.jobs.claim.conditions import (
    ABANDONED_WITHIN_REACH,
    CHECKPOINT,
    FIRST_COMES,
    NOBODY_IS_LIMITED,
    RUNNING_JOBS,
    SERVERS,
    STARTABLE,
    Seat,
)
from shared.models import ComfyUIServer, GenerationJob

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
JOBS = func.coalesce(LOAD.c.jobs, 0)


def free_server(wanted: Any) -> Any:
    """The query for the best server with a free slot: an idle one, then one that has the wanted checkpoint loaded,
    then the one with the fewest jobs."""
    return (
        select(col(ComfyUIServer.name), col(ComfyUIServer.loaded_checkpoint), col(ComfyUIServer.loaded_since))
        .outerjoin(LOAD, LOAD.c.server == col(ComfyUIServer.name))
        .where(col(ComfyUIServer.name) == any_(SERVERS), *USABLE, JOBS < OPEN_SLOTS)
        .order_by(
            JOBS > 0,
            func.coalesce(col(ComfyUIServer.loaded_checkpoint) == wanted, False).desc(),
            JOBS,
            col(ComfyUIServer.name),
        )
        .limit(1)
    )


def locked(servers: Any, *, skip_locked: bool) -> Any:
    """The query, locking what it finds. No key of the row changes, so that rows which point at it can be written
    meanwhile."""
    return servers.with_for_update(of=ComfyUIServer, key_share=True, skip_locked=skip_locked)


FREE_SERVER_AT_ONCE = Prepared("free_server_at_once", locked(free_server(CHECKPOINT), skip_locked=True))
FREE_SERVER_IN_TURN = Prepared("free_server_in_turn", locked(free_server(CHECKPOINT), skip_locked=False))

IS_ABANDONED = exists(select(col(GenerationJob.id)).where(*ABANDONED_WITHIN_REACH))
HEAD = (
    select(col(GenerationJob.id), col(GenerationJob.checkpoint_model))
    .where(*STARTABLE)
    .order_by(*FIRST_COMES)
    .limit(1)
    .subquery("head")
)
# Where somebody is limited no server is locked yet: those who count come one at a time, and take their lock first.
SEAT = (
    locked(free_server(HEAD.c.checkpoint_model), skip_locked=True)
    .where(HEAD.c.id.is_not(None), NOBODY_IS_LIMITED, ~IS_ABANDONED)
    .lateral("seat")
)
LOOK = Prepared(
    "look",
    select(IS_ABANDONED, ~NOBODY_IS_LIMITED, HEAD.c.id, HEAD.c.checkpoint_model, *SEAT.c).select_from(
        select(literal(1).label("one")).subquery("one").outerjoin(HEAD, true()).outerjoin(SEAT, true())
    ),
)


class Look(NamedTuple):
    """What there is to do: a job to adopt, or a first one to start; whether anybody's running jobs are limited; and a
    server for that first one, if it was time to lock one and one was free."""

    is_abandoned: bool
    is_limited: bool
    first: int | None
    checkpoint: str | None
    seat: Seat | None


def look(session: Session, servers: Sequence[str], running_jobs: int | None) -> Look:
    """A wake-up that finds nothing costs one look at two indexes."""
    facts = {SERVERS.key: servers, RUNNING_JOBS.key: running_jobs}
    is_abandoned, is_limited, first, checkpoint, *seat = LOOK.execute(session, facts).one()
    return Look(is_abandoned, is_limited, first, checkpoint, Seat(*seat) if seat[0] else None)


def count_exactly(session: Session) -> None:
    """Where there are limits of running jobs, one claim counts at a time, or two could take a user's last."""
    session.connection().execute(LOCK_LIMITED)


def free_servers(session: Session, servers: Sequence[str], seen: Look) -> Iterator[Seat]:
    """The servers with a free slot, each locked in turn.

    One that another claim is looking at is passed over. Only the first is waited for, if they all are: whoever holds
    one and waits for the next could wait for ever. What is free is counted again by BEST_JOB, for that claim may
    have filled the slot.
    """
    left = list(servers)
    seat = seen.seat
    while left:
        facts = {SERVERS.key: left, CHECKPOINT.key: seen.checkpoint}
        found = seat or FREE_SERVER_AT_ONCE.execute(session, facts).one_or_none()
        if found is None and len(left) == len(servers):
            found = FREE_SERVER_IN_TURN.execute(session, facts).one_or_none()
        if found is None:
            return
        yield Seat(*found)
        left.remove(found[0])
        seat = None
