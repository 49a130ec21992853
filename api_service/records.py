"""What the API reads: small questions to the database, each one transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Engine, Integer, cast, func
from sqlmodel import Session, col, select

from shared.database import transaction
from shared.events import Event
from shared.models import ComfyUIServer, GenerationJob, JobEvent, JobOutput, Worker


def owned_job(session: Session, job_id: int, owner: UUID | None) -> GenerationJob | None:
    """A job of that owner, or of anybody for an admin; None for another's, as for one that is not there."""
    job = session.get(GenerationJob, job_id)
    return job if job and owner in {None, job.user_id} else None


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


def output(engine: Engine, job_id: int, number: int | None, owner: UUID | None) -> JobOutput | bool:
    """One output of a job, or whether there is such a job at all."""
    with transaction(engine) as session:
        if owned_job(session, job_id, owner) is None:
            return False
        return (number is not None and session.get(JobOutput, (job_id, number))) or True


def events_since(engine: Engine, known: Mapping[int, int]) -> Sequence[Event]:
    """The events of several jobs after the sequence number known of each, in order."""
    jobs, sequences = (cast(list(numbers), ARRAY(Integer)) for numbers in (known.keys(), known.values()))
    asked = func.unnest(jobs, sequences).table_valued("job_id", "sequence").render_derived(name="asked")
    statement = (
        select(JobEvent, GenerationJob.user_id)
        .join(asked, col(JobEvent.job_id) == asked.c.job_id)
        .join(GenerationJob, col(GenerationJob.id) == asked.c.job_id)
        .where(col(JobEvent.sequence) > asked.c.sequence)
        .order_by(col(JobEvent.job_id), col(JobEvent.sequence))
    )
    with transaction(engine) as session:
        return [Event.from_row(row, user_id) for row, user_id in session.exec(statement)]


def workers_seen(engine: Engine, lately: timedelta) -> int:
    """How many worker processes said lately that they live."""
    with transaction(engine) as session:
        alive = col(Worker.last_seen_at) > func.now() - lately
        return session.exec(select(func.count()).select_from(Worker).where(alive)).one()


def servers_seen(engine: Engine, lately: timedelta) -> tuple[int, int]:
    """How many ComfyUI servers answered a worker lately and work, and how many do not."""
    with transaction(engine) as session:
        well = (
            (col(ComfyUIServer.last_seen_at) > func.now() - lately)
            & col(ComfyUIServer.unreachable_since).is_(None)
            & col(ComfyUIServer.wedged_since).is_(None)
        )
        found = session.exec(select(well, func.count()).group_by(well)).all()
    counts = {bool(answers): count for answers, count in found}
    return counts.get(True, 0), counts.get(False, 0)
