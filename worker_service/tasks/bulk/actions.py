"""What can be done to many jobs at once: they are deleted, cancelled, tagged, or get another priority."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, update
from sqlmodel import Session, col

from shared.jobs import before_start
from shared.jobs.cancel import CANCELLABLE, cancel_many
from shared.jobs.deletion import delete_jobs
from shared.messaging.events import Event
from shared.messaging.messenger import publish_after_commit
from shared.models import FINAL, WAITING, GenerationJob, JobStatus
from shared.workflows.metadata import LARGEST
from worker_service.tasks.bulk.pages import PAGE, Change
from worker_service.tasks.turns.turn import Turn

TOO_LARGE, UNCHANGED = "metadata_too_large", "unchanged"


class AsManyAsThereAre:
    """An action that needs no room."""

    def room(self, _session: Session, _turn: Turn) -> int:
        return PAGE


class Delete(AsManyAsThereAre):
    """Jobs that have ended go with their files."""

    def objection(self, _turn: Turn, job: Row[Any]) -> str | None:
        return None if job.status in FINAL else str(job.status)

    def apply(self, session: Session, turn: Turn, jobs: Sequence[Row[Any]]) -> Change:
        gone = delete_jobs(session, [job.id for job in jobs], pinned_too=True)
        for job in gone.jobs:
            publish_after_commit(session, Event.deletion(job.id, job.user_id, job.gone_at))

        def remove_files() -> None:
            for folder in gone.folders:
                turn.remove(folder)

        return Change(afterwards=remove_files)


class Cancel(AsManyAsThereAre):
    """Jobs that have not ended are cancelled."""

    def objection(self, _turn: Turn, job: Row[Any]) -> str | None:
        return None if job.status in CANCELLABLE else str(job.status)

    def apply(self, session: Session, turn: Turn, jobs: Sequence[Row[Any]]) -> Change:
        changed = cancel_many(session, [job.id for job in jobs])
        held = [job.id for job in changed if job.status == JobStatus.CANCELLING]

        def tell_workers() -> None:
            for job_id in held:
                turn.resources.messenger.request_cancel(job_id)

        return Change(afterwards=tell_workers)


class Prioritize(AsManyAsThereAre):
    """Jobs that wait get another priority."""

    def objection(self, _turn: Turn, job: Row[Any]) -> str | None:
        return None if job.status in WAITING else str(job.status)

    def apply(self, session: Session, turn: Turn, jobs: Sequence[Row[Any]]) -> Change:
        priority, sharing = turn.parameters["priority"], turn.resources.sharing
        before_start.reprioritize(session, [job.id for job in jobs], priority, sharing=sharing)
        return Change()


@dataclass(frozen=True)
class Tag(AsManyAsThereAre):
    """The metadata of jobs are merged with a patch (RFC 7396), whatever their status."""

    def objection(self, turn: Turn, job: Row[Any]) -> str | None:
        merged = merged_with(job.metadata, turn.parameters["metadata"])
        if merged == job.metadata:
            return UNCHANGED
        return TOO_LARGE if size_of(merged) > LARGEST else None

    def apply(self, session: Session, turn: Turn, jobs: Sequence[Row[Any]]) -> Change:
        patch = turn.parameters["metadata"]
        statement = (
            update(GenerationJob)
            .where(col(GenerationJob.id) == bindparam("job_id"))
            .values(caller_metadata=bindparam("merged"), updated_at=func.now())
        )
        rows = [{"job_id": job.id, "merged": merged_with(job.metadata, patch)} for job in jobs]
        if rows:
            session.connection().execute(statement, rows)
        return Change()


def merged_with(value: Any, patch: Any) -> Any:
    """A value as a merge patch leaves it: null takes a member away."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(value) if isinstance(value, Mapping) else {}
    for name, part in patch.items():
        if part is None:
            merged.pop(name, None)
        else:
            merged[name] = merged_with(merged.get(name), part)
    return merged


def size_of(metadata: Mapping[str, Any]) -> int:
    return len(json.dumps(metadata, separators=(",", ":"), ensure_ascii=False).encode())
