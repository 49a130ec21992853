"""A job gets its turn when it joins the queue, gives its share back if it leaves unrun, and settles it at its end."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from shared.jobs.transitions import is_one_of
from shared.jobs.turns import FAIR, settle_sql, turns_of
from shared.models import GenerationJob, JobStatus, UserTurn


def give_turns(session: Session, job_ids: Sequence[int], *, is_fair: bool) -> None:
    """Give those of these queued jobs a turn that have none yet, in their order."""
    if not job_ids:
        return
    ids = col(GenerationJob.id)
    joining = (
        select_columns(
            ids,
            func.row_number().over(order_by=ids).label("number"),
            col(GenerationJob.user_id),
            col(GenerationJob.priority),
            col(GenerationJob.workflow_key),
        )
        .where(is_one_of(job_ids), col(GenerationJob.status) == JobStatus.QUEUED, col(GenerationJob.turn_cost) == 0)
        .cte("joining")
    )
    turns, advanced = turns_of(joining)
    session.execute(
        update(GenerationJob)
        .where(ids == joining.c.id, joining.c.number == turns.c.number)
        .values(turn=turns.c.turn, turn_cost=turns.c.turn_cost)
        .add_cte(advanced)
        .execution_options(synchronize_session=False),
        {FAIR.key: is_fair},
    )


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
