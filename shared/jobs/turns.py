"""Users share the servers within a priority: each job that joins the queue is given its turn.

A turn is a number of seconds: how much of the servers its owner had been given before it, divided by the owner's
weight. The smallest goes first. Nobody starts before the clock, which is how far the users who wait have come: who
comes late has nothing to catch up on. A job costs what jobs of its kind take, until it has ended and its time is known.
This is start-time fair queueing, after Goyal, Vin and Cheng (1996).
"""

from collections import Counter
from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    FromClause,
    Update,
    bindparam,
    case,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from shared.configuration.choices import Sharing
from shared.jobs.durations.known import median_sql
from shared.jobs.durations.learning import LEARNED_BY
from shared.jobs.lanes.parking import RUNNING_JOBS, fill, space_in
from shared.jobs.transitions import is_one_of
from shared.models import HELD, GenerationJob, JobAttempt, JobStatus, User, UserTurn

FAIR = bindparam("is_fair", type_=Boolean)  # whether users share, or the oldest job goes first
UNKNOWN_S = 10.0  # what a job costs whose kind nobody has run
LEAST_S, MOST_S = 0.1, 3600.0
TURN = ("turn", "turn_cost", "parked", "expected_s")  # what a job gets that joins the queue
FIRST = 0.0


def turns_of(waiting: FromClause, accepted: CTE | None = None) -> tuple[CTE, CTE]:
    """The turns of jobs that join the queue now, and which of them are parked, by their `number` in `waiting`, which
    has their `number`, `user_id`, `priority` and what is learned by. And the change of their owners' rows, which keeps
    two who do this from giving out the same turns.

    `accepted` is how many `jobs` are new, by `user_id` and `priority`, whether or not they join the queue at once.
    """
    costed = costs_of(waiting)
    mine = (costed.c.user_id, costed.c.priority)
    lanes = (
        select(*mine, func.sum(costed.c.cost).label("cost"), clock_of(costed.c.priority).label("clock"))
        .where(FAIR)
        .group_by(*mine)
        .cte("lanes")
    )
    advanced = advanced_owners(lanes, accepted)
    is_mine = (advanced.c.user_id == costed.c.user_id) & (advanced.c.priority == costed.c.priority)
    is_my_lane = (lanes.c.user_id == costed.c.user_id) & (lanes.c.priority == costed.c.priority)
    before = func.coalesce(
        func.sum(costed.c.cost).over(partition_by=mine, order_by=costed.c.number, rows=(None, -1)), FIRST
    )
    turn = case((FAIR, advanced.c.finish - lanes.c.cost + before), else_=last_of(costed.c.priority))
    cost = case((FAIR, costed.c.cost), else_=FIRST)
    spaces = spaces_of(costed)
    is_my_space = (spaces.c.user_id == costed.c.user_id) & (spaces.c.priority == costed.c.priority)
    place = func.row_number().over(partition_by=mine, order_by=costed.c.number)
    turns = (
        select(
            costed.c.number,
            turn.label("turn"),
            cost.label("turn_cost"),
            func.coalesce(place > spaces.c.space, False).label("parked"),
            costed.c.seconds.label("expected_s"),
        )
        .select_from(costed.join(spaces, is_my_space).outerjoin(lanes, is_my_lane).outerjoin(advanced, is_mine))
        # Reckoned once: a plan for few jobs would reckon them all again for each of many.
        .cte("turns")
        .prefix_with("MATERIALIZED")
    )
    return turns, advanced


def spaces_of(costed: CTE) -> CTE:
    """How many of them may join the queue, by lane; the others are parked."""
    lanes = select(costed.c.user_id, costed.c.priority).distinct().subquery("joined")
    return select(lanes.c.user_id, lanes.c.priority, space_in(lanes).label("space")).cte("spaces")


def sharing_values(sharing: Sharing) -> dict[str, Any]:
    """The parameters of `turns_of`."""
    return {FAIR.key: sharing.is_fair, RUNNING_JOBS.key: sharing.running_jobs}


def costs_of(waiting: FromClause) -> CTE:
    """What each of them is expected to take, and costs its owner: that, by the owner's weight."""
    kind = [waiting.c[name] for name in LEARNED_BY]
    kinds = (
        select(*kind).where(waiting.c.workflow_key.is_not(None)).ext(distinct_on(waiting.c.workflow_key)).cte("kinds")
    )
    usual = select(kinds.c.workflow_key, median_sql(kinds).label("seconds")).cte("usual")
    seconds = func.least(func.greatest(func.coalesce(usual.c.seconds, UNKNOWN_S), LEAST_S), MOST_S)
    return (
        select(
            waiting.c.number,
            waiting.c.user_id,
            waiting.c.priority,
            seconds.label("seconds"),
            (seconds / weight_of(waiting.c.user_id)).label("cost"),
        )
        .select_from(waiting.outerjoin(usual, usual.c.workflow_key == waiting.c.workflow_key))
        .cte("costed")
    )


def advanced_owners(lanes: CTE, accepted: CTE | None) -> CTE:
    """The UPDATE of the owners' rows: each has been given that much more, and so many of its jobs were accepted."""
    of = lanes if accepted is None else accepted
    clock, until = func.coalesce(lanes.c.clock, FIRST), func.coalesce(lanes.c.clock + lanes.c.cost, FIRST)
    added = (
        select(of.c.user_id, of.c.priority, until, clock, literal(0) if accepted is None else accepted.c.jobs)
        # Always in one order: two who submit with several priorities never wait for each other.
        .order_by(of.c.user_id, of.c.priority)
    )
    if accepted is not None:
        is_lane = (lanes.c.user_id == accepted.c.user_id) & (lanes.c.priority == accepted.c.priority)
        added = added.select_from(accepted.outerjoin(lanes, is_lane)).where(FAIR)
    statement = insert(UserTurn).from_select(["user_id", "priority", "finish", "clock", "accepted"], added)
    new = statement.excluded
    finish = func.greatest(UserTurn.finish, new.clock) + new.finish - new.clock
    return (
        statement.on_conflict_do_update(
            index_elements=["user_id", "priority"],
            set_={
                "finish": finish,
                "clock": func.greatest(UserTurn.clock, new.clock),
                "accepted": UserTurn.accepted + new.accepted,
            },
        )
        .returning(col(UserTurn.user_id), col(UserTurn.priority), col(UserTurn.finish))
        .cte("advanced")
    )


def clock_of(priority: ColumnElement[Any]) -> ColumnElement[float]:
    """How far the users of a priority have come: the turn of the newest job that runs. While none waits, all start
    equal."""
    running, queued = aliased(GenerationJob), aliased(GenerationJob)
    newest = select(func.max(running.turn)).where(col(running.status).in_(HELD), col(running.priority) == priority)
    known = select(func.max(UserTurn.clock)).where(col(UserTurn.priority) == priority)
    waiting = (col(queued.status) == JobStatus.QUEUED, ~col(queued.parked), col(queued.priority) == priority)
    # By the order of the queue: see `shared.jobs.lanes.parking`.
    first = select(col(queued.id)).where(*waiting).order_by(col(queued.turn), col(queued.id)).limit(1)
    return func.greatest(
        func.coalesce(newest.scalar_subquery(), FIRST),
        func.coalesce(known.scalar_subquery(), FIRST),
        case((first.scalar_subquery().is_(None), last_of(priority)), else_=FIRST),
    )


def last_of(priority: ColumnElement[Any]) -> ColumnElement[float]:
    """The turn behind all that were given out: who comes there comes last."""
    last = select(func.max(UserTurn.finish)).where(col(UserTurn.priority) == priority)
    return func.coalesce(last.scalar_subquery(), FIRST)


def weight_of(user_id: ColumnElement[Any]) -> ColumnElement[float]:
    return select(col(User.weight)).where(col(User.id) == user_id).scalar_subquery()


def settle_sql(job: FromClause) -> Update:
    """The UPDATE that makes of what an ended job was to cost what its last attempt took. `job` has the columns of its
    row."""
    took = func.extract("epoch", func.coalesce(job.c.generated_at, func.now()) - col(JobAttempt.started_at))
    return (
        update(UserTurn)
        .where(
            col(UserTurn.user_id) == job.c.user_id,
            col(UserTurn.priority) == job.c.priority,
            job.c.turn_cost > 0,
            col(JobAttempt.job_id) == job.c.id,
            col(JobAttempt.attempt) == job.c.attempt,
        )
        .values(finish=UserTurn.finish + func.greatest(took, 0) / weight_of(job.c.user_id) - job.c.turn_cost)
    )


def give_turns(session: Session, job_ids: Sequence[int], *, sharing: Sharing) -> None:
    """Give those of these queued jobs a turn that have none yet, in their order."""
    if not job_ids:
        return
    ids = col(GenerationJob.id)
    joining = (
        select(
            ids,
            func.row_number().over(order_by=ids).label("number"),
            col(GenerationJob.user_id),
            col(GenerationJob.priority),
            *(col(getattr(GenerationJob, name)) for name in LEARNED_BY),
        )
        .where(is_one_of(job_ids), col(GenerationJob.status) == JobStatus.QUEUED, col(GenerationJob.turn_cost) == 0)
        .cte("joining")
    )
    turns, advanced = turns_of(joining)
    given = session.execute(
        update(GenerationJob)
        .where(ids == joining.c.id, joining.c.number == turns.c.number)
        .values({name: turns.c[name] for name in TURN})
        .add_cte(advanced)
        .returning(col(GenerationJob.user_id), col(GenerationJob.priority), col(GenerationJob.parked))
        .execution_options(synchronize_session=False),
        sharing_values(sharing),
    )
    # They were counted as standing in the queue themselves.
    fill(session, {(user_id, priority) for user_id, priority, is_parked in given if is_parked})


def hold_lines(session: Session, lines: Set[tuple[UUID, int]]) -> None:
    """Jobs are about to leave some of these lines, of a user and a priority, for others: two who move jobs past each
    other never wait for each other."""
    line = (col(UserTurn.user_id), col(UserTurn.priority))
    of_lines = select(col(UserTurn.user_id)).where(tuple_(*line).in_(sorted(lines))).order_by(*line)
    session.execute(of_lines.with_for_update(key_share=True)).all()


def give_back(session: Session, jobs: Sequence[GenerationJob]) -> None:
    """These jobs left the queue without having run: what they were to cost is their owners' again."""
    shares: Counter[tuple[UUID, int]] = Counter()
    for job in jobs:
        shares[job.user_id, job.priority] += job.turn_cost  # type: ignore[assignment]
    # In one order: two who cancel never wait for each other.
    for (user_id, priority), share in sorted(shares.items()):
        if share:
            session.execute(
                update(UserTurn)
                .where(col(UserTurn.user_id) == user_id, col(UserTurn.priority) == priority)
                .values(finish=UserTurn.finish - share)
                .execution_options(synchronize_session=False)
            )


def settle(session: Session, job: GenerationJob) -> None:
    """The job has ended: its owner pays for the time that its last attempt took."""
    this = select(*GenerationJob.__table__.c).where(col(GenerationJob.id) == job.id).subquery("job")  # type: ignore[attr-defined]
    session.execute(settle_sql(this).execution_options(synchronize_session=False))
