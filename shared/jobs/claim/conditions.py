"""Which job goes to which server: what comes first, but where its checkpoint is loaded if that can be.

Loading a checkpoint takes a server longer than most jobs do. So among jobs of the same priority one whose checkpoint
is loaded there goes before older ones, until one of those has waited for a minute and the server has kept its
checkpoint for as long: checkpoints that alternate in the queue are changed once a minute, and not at each job.

The statements are made once, with names for what changes: making them takes longer than running them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    String,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from shared.fleet.capabilities import RUNNABLE, SERVER
from shared.fleet.servers import IN_A_SLOT, MOST_JOBS, USABLE
from shared.jobs import before_start
from shared.jobs.claim.order import first_comes
from shared.jobs.lanes.parking import PAUSED_USERS, RUNNING_JOBS, STANDS
from shared.models import HELD, ComfyUIServer, GenerationJob, JobStatus, Pause, User

LOOK_AHEAD = 50  # of the waiting jobs are searched for one whose checkpoint is loaded
WAITED_LONG = timedelta(minutes=1)
OUT_OF_REACH = timedelta(minutes=1)  # after this, a worker that does not know its server may adopt a job
AVOIDED_FOR = timedelta(minutes=2)  # a job waits this long for another server than the one it was moved away from

SERVERS = bindparam("my_servers", type_=ARRAY(String))  # those the worker can reach
CHECKPOINT = bindparam("this_checkpoint", type_=String)
CHECKPOINT_SINCE = bindparam("this_checkpoint_since", type_=DateTime(timezone=True))
IS_LIMITED = bindparam("is_limited", type_=Boolean)  # whether anybody is, as the look for work has found


class FreeServer(NamedTuple):
    """A server that had a free slot. Its row is locked, so that nobody else gives it a job in this transaction."""

    name: str
    loaded_checkpoint: str | None
    loaded_since: datetime | None


# The owners of as many running jobs as they may have. Few rows: they are counted where jobs are held.
HELD_BY_USER = (
    select(col(GenerationJob.user_id), func.count().label("jobs"))
    .where(*IN_A_SLOT)
    .group_by(col(GenerationJob.user_id))
    .subquery("held_by_user")
)
USERS_AT_THEIR_LIMIT = (
    select(HELD_BY_USER.c.user_id)
    .join(User, col(User.id) == HELD_BY_USER.c.user_id)
    .where(HELD_BY_USER.c.jobs >= func.coalesce(User.running_jobs_limit, cast(RUNNING_JOBS, Integer)))
)
SOMEBODY_IS_LIMITED = exists(select(col(User.id)).where(col(User.running_jobs_limit).is_not(None)))
NOBODY_IS_LIMITED = and_(cast(RUNNING_JOBS, Integer).is_(None), ~SOMEBODY_IS_LIMITED)

# A job whose turn may come: it stands in the queue, and its time has come. The index of the queue has nothing but such
# jobs.
HAS_COME = col(GenerationJob.run_after) <= func.now()
DUE = (*STANDS, HAS_COME)


def may_start(nobody_is_limited: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """... and what it must be besides: its deadline has not passed, and its owner is below the limit and not paused."""
    return (
        col(GenerationJob.deadline_at).is_(None)
        | (col(GenerationJob.deadline_at) > func.now())
        | col(GenerationJob.started_at).is_not(None),
        # Where nobody is limited, nobody's jobs are counted.
        or_(nobody_is_limited, col(GenerationJob.user_id).not_in(USERS_AT_THEIR_LIMIT)),
        col(GenerationJob.user_id).not_in(PAUSED_USERS),
    )


def startable(nobody_is_limited: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """What a job must be that may start now. To find out whether nobody is limited reads all users where these are
    few: a statement that says it several times asks once."""
    return (*DUE, *may_start(nobody_is_limited), ~IS_PAUSED)


HELD_BACK = union_all(USERS_AT_THEIR_LIMIT, PAUSED_USERS)  # the users who may start no job now
IS_PAUSED = exists().where(col(Pause.user_id).is_(None))  # an operator wants no job to start
MAY_START = may_start(NOBODY_IS_LIMITED)
STARTABLE = startable(NOBODY_IS_LIMITED)
# A cheap answer for all of them at once: nobody is limited or paused, and no deadline has passed.
EVERY_JOB_MAY_START = and_(NOBODY_IS_LIMITED, ~exists(PAUSED_USERS), ~exists().where(*before_start.OVERDUE))

# Held by a worker that let its lease run out. What the former system left running was never held by one.
LEFT_BEHIND = (
    col(GenerationJob.status).in_(HELD),
    col(GenerationJob.lease_expires_at) <= func.now(),
    col(GenerationJob.server).is_not(None),
)
# ... and that another one may take over, or that none may any more.
ABANDONED = (*LEFT_BEHIND, func.coalesce(col(GenerationJob.claims_left), 1) > 0)
WORN_OUT = (*LEFT_BEHIND, col(GenerationJob.claims_left) == 0)
ABANDONED_WITHIN_REACH = (
    *ABANDONED,
    or_(col(GenerationJob.server) == any_(SERVERS), col(GenerationJob.lease_expires_at) <= func.now() - OUT_OF_REACH),
)
# What a job must be for SERVER to run it: it asks for nothing that the server lacks. One that was moved away goes
# elsewhere, for a while at least, if there is another server.
ANOTHER_SERVER = exists().where(col(ComfyUIServer.name) == any_(SERVERS), col(ComfyUIServer.name) != SERVER, USABLE)
CAN_BE_RUN_THERE = (
    RUNNABLE,
    or_(
        col(GenerationJob.avoid_server).is_(None),
        col(GenerationJob.avoid_server) != SERVER,
        col(GenerationJob.run_after) <= func.now() - AVOIDED_FOR,
        ~ANOTHER_SERVER,
    ),
)
CANDIDATES = (
    select(
        col(GenerationJob.id),
        col(GenerationJob.priority),
        col(GenerationJob.turn),
        col(GenerationJob.checkpoint_model),
        col(GenerationJob.run_after),
    )
    .where(*startable(~IS_LIMITED), *CAN_BE_RUN_THERE)
    .order_by(*first_comes())
    .limit(LOOK_AHEAD)
    .cte("candidates")
)
OLDEST_SINCE = select(CANDIDATES.c.run_after).order_by(*first_comes(CANDIDATES.c)).limit(1).scalar_subquery()
# The server keeps the checkpoint that it has loaded, and so takes a job for it before older ones.
KEEPS = or_(
    func.now() - WAITED_LONG < OLDEST_SINCE, cast(CHECKPOINT_SINCE, DateTime(timezone=True)) > func.now() - WAITED_LONG
)
PREFERRED = func.coalesce(and_(CANDIDATES.c.checkpoint_model == cast(CHECKPOINT, String), KEEPS), False)
JOBS_THERE = (
    select(func.count())
    .select_from(GenerationJob)
    .where(*IN_A_SLOT, col(GenerationJob.server) == SERVER)
    .scalar_subquery()
)
SLOTS_THERE = select(MOST_JOBS).where(col(ComfyUIServer.name) == SERVER, USABLE).scalar_subquery()
QUEUED_JOB = aliased(GenerationJob)
# The id of the job that this server is given, locked; none if there is none, or if its slots were filled meanwhile.
BEST_JOB = (
    select(col(QUEUED_JOB.id))
    .join(CANDIDATES, CANDIDATES.c.id == col(QUEUED_JOB.id))
    .where(col(QUEUED_JOB.status) == JobStatus.QUEUED, JOBS_THERE < SLOTS_THERE)
    .order_by(*first_comes(CANDIDATES.c, PREFERRED))
    .limit(1)
    .with_for_update(of=QUEUED_JOB, skip_locked=True)
    .scalar_subquery()
)


def values_for(
    server: FreeServer, servers: Sequence[str], running_jobs: int | None, *, is_limited: bool
) -> Mapping[str, Any]:
    """The parameters of BEST_JOB."""
    return {
        SERVER.key: server.name,
        SERVERS.key: servers,
        CHECKPOINT.key: server.loaded_checkpoint,
        CHECKPOINT_SINCE.key: server.loaded_since,
        RUNNING_JOBS.key: running_jobs,
        IS_LIMITED.key: is_limited,
    }
