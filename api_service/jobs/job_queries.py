"""What the API reads: small questions to the database, each one transaction."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from shared.database.engine import transaction
from shared.fleet.servers import IS_NAMED
from shared.models import ComfyUIServer, GenerationJob, JobOutput, Worker


def owned_job(session: Session, job_id: int, owner: UUID | None, *, lock: bool = False) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin; None for another's, as for one that is not there."""
    job = session.get(GenerationJob, job_id, with_for_update=lock)
    return job if job and owner in {None, job.user_id} else None


def find_job(engine: Engine, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin."""
    with transaction(engine) as session:
        return owned_job(session, job_id, owner)


def job_with_outputs(
    engine: Engine, job_id: int, owner: UUID | None
) -> tuple[GenerationJob, Sequence[JobOutput]] | None:
    """A job, and its outputs in their order."""
    with transaction(engine) as session:
        job = owned_job(session, job_id, owner)
        if job is None:
            return None
        outputs = select(JobOutput).where(JobOutput.job_id == job_id).order_by(col(JobOutput.number))
        return job, session.exec(outputs).all()


def outputs_of(session: Session, job_ids: Collection[int]) -> dict[int, list[JobOutput]]:
    """The outputs of several jobs, each in their order."""
    found: defaultdict[int, list[JobOutput]] = defaultdict(list)
    rows = select(JobOutput).where(col(JobOutput.job_id).in_(job_ids))
    for row in session.exec(rows.order_by(col(JobOutput.job_id), col(JobOutput.number))):
        found[row.job_id].append(row)
    return found


def output(engine: Engine, job_id: int, number: int | None, owner: UUID | None) -> JobOutput | bool:
    """One output of a job, or whether there is such a job at all."""
    with transaction(engine) as session:
        if owned_job(session, job_id, owner) is None:
            return False
        return (number is not None and session.get(JobOutput, (job_id, number))) or True


def workers_seen(engine: Engine, lately: timedelta) -> int:
    """How many worker processes said lately that they live."""
    with transaction(engine) as session:
        alive = col(Worker.last_seen_at) > func.now() - lately
        return session.exec(select(func.count()).select_from(Worker).where(alive)).one()


def servers_seen(engine: Engine, lately: timedelta) -> tuple[int, int]:
    """How many of the ComfyUI servers that workers name answered lately and work, and how many do not."""
    with transaction(engine) as session:
        well = (
            (col(ComfyUIServer.last_seen_at) > func.now() - lately)
            & col(ComfyUIServer.unreachable_since).is_(None)
            & col(ComfyUIServer.wedged_since).is_(None)
        )
        found = session.exec(select(well, func.count()).where(IS_NAMED).group_by(well)).all()
    counts = {bool(answers): count for answers, count in found}
    return counts.get(True, 0), counts.get(False, 0)
