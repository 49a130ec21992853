"""The same is done to many jobs, a page in each transaction; what is not possible is counted by its reason."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Row, Select, select
from sqlmodel import Session, col

from shared.jobs.transitions import is_one_of
from shared.models import GenerationJob, TaskState
from shared.tasks.life import Ending, Page
from worker_service.tasks.turns.jobs_in_turn import chosen_by, count_once, next_ids
from worker_service.tasks.turns.turn import Turn

PAGE = 500

Skipped = Mapping[int, str]


class Change(NamedTuple):
    """What was done to the jobs of a page: which were left alone nevertheless, and what is to follow the commit."""

    skipped: Skipped = MappingProxyType({})
    afterwards: Callable[[], None] = lambda: None


class Action(Protocol):
    """What is done to each job."""

    def room(self, session: Session, turn: Turn) -> int:
        """How many jobs it may be done to now. Raises Postponed, if to none."""

    def objection(self, turn: Turn, job: Row[Any]) -> str | None:
        """Why it cannot be done to a job, in a word; by its `id`, `status` and `metadata`."""

    def apply(self, session: Session, turn: Turn, jobs: Sequence[Row[Any]]) -> Change:
        """Do it to jobs that are locked, and to which nothing objects."""


def bulk(action: Action, turn: Turn) -> Ending | None:
    """Do the next page."""
    chosen, is_dry = chosen_by(turn), turn.parameters.get("dry_run") is True
    count_once(turn, chosen)
    change = Change()
    with turn.transaction() as session:
        limit = PAGE if is_dry else min(PAGE, action.room(session, turn))
        ids, cursor = next_ids(session, turn, chosen, limit)
        jobs = rows_of(session, ids, lock=not is_dry)
        objections = {job.id: reason for job in jobs if (reason := action.objection(turn, job))}
        possible = [job for job in jobs if job.id not in objections]
        if not is_dry:
            change = action.apply(session, turn, possible)
        result = counted(turn, len(possible) - len(change.skipped), [*objections.values(), *change.skipped.values()])
        is_last = len(ids) < limit
        if is_last and chosen.ids is not None:
            missing = len(chosen.ids) - turn.done - len(ids)
            result = with_missing(result, missing)
        turn.write(session, Page(cursor, turn.done + len(ids), result))
    change.afterwards()
    return Ending(TaskState.COMPLETED, result) if is_last else None


def rows_of(session: Session, ids: Sequence[int], *, lock: bool) -> Sequence[Row[Any]]:
    """The jobs, locked in one order: two who change many never wait for each other."""
    if not ids:
        return []
    id_, status, metadata = col(GenerationJob.id), col(GenerationJob.status), col(GenerationJob.caller_metadata)
    found: Select[*tuple[Any, ...]] = (
        select(id_, status, metadata.label("metadata")).where(is_one_of(ids)).order_by(id_)
    )
    return session.execute(found.with_for_update() if lock else found).all()


def counted(turn: Turn, changed: int, reasons: Sequence[str]) -> dict[str, Any]:
    """What came of all pages so far, with this one."""
    return {**turn.summed(Counter(reasons), changed=changed), "dry_run": turn.parameters.get("dry_run") is True}


def with_missing(result: Mapping[str, Any], missing: int) -> dict[str, Any]:
    """Of a list of jobs, those that are not there."""
    if missing <= 0:
        return dict(result)
    return {**result, "skipped": {**result["skipped"], "not_found": missing}}
