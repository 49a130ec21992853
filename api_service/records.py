"""What the API reads: small questions to the database, each one transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import ARRAY, Engine, Integer, cast, func
from sqlmodel import col, select

from shared.database import transaction
from shared.events import Event
from shared.models import ComfyUIServer, GenerationJob, JobEvent, JobOutput, Worker

LARGEST_ID = 2**31 - 1


def number(text: str) -> int | None:
    """A number that a key column can hold, as it stands in a path; None for anything else."""
    plain = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID))
    return int(text) if plain and int(text) <= LARGEST_ID else None


def job_with_outputs(engine: Engine, job_id: int) -> tuple[GenerationJob, Sequence[JobOutput]] | None:
    """A job, and its outputs in their order."""
    with transaction(engine) as session:
        job = session.get(GenerationJob, job_id)
        if job is None:
            return None
        outputs = select(JobOutput).where(JobOutput.job_id == job_id).order_by(col(JobOutput.number))
        return job, session.exec(outputs).all()


def output(engine: Engine, job_id: int | None, number: int | None) -> JobOutput | bool:
    """One output of a job, or whether there is such a job at all."""
    if job_id is None:
        return False
    with transaction(engine) as session:
        found = None if number is None else session.get(JobOutput, (job_id, number))
        return found or session.get(GenerationJob, job_id) is not None


def events_since(engine: Engine, known: Mapping[int, int]) -> Sequence[Event]:
    """The events of several jobs after the sequence number known of each, in order."""
    jobs, sequences = (cast(list(numbers), ARRAY(Integer)) for numbers in (known.keys(), known.values()))
    asked = func.unnest(jobs, sequences).table_valued("job_id", "sequence").render_derived(name="asked")
    statement = (
        select(JobEvent)
        .join(asked, col(JobEvent.job_id) == asked.c.job_id)
        .where(col(JobEvent.sequence) > asked.c.sequence)
        .order_by(col(JobEvent.job_id), col(JobEvent.sequence))
    )
    with transaction(engine) as session:
        return [Event.from_row(row) for row in session.exec(statement)]


def workers_seen(engine: Engine, lately: timedelta) -> int:
    """How many worker processes said lately that they live."""
    with transaction(engine) as session:
        alive = col(Worker.last_seen_at) > func.now() - lately
        return session.exec(select(func.count()).select_from(Worker).where(alive)).one()


def servers_seen(engine: Engine, lately: timedelta) -> tuple[int, int]:
    """How many ComfyUI servers answered a worker lately, and how many did not."""
    with transaction(engine) as session:
        well = (col(ComfyUIServer.last_seen_at) > func.now() - lately) & col(ComfyUIServer.unreachable_since).is_(None)
        found = session.exec(select(well, func.count()).group_by(well)).all()
    counts = {bool(answers): count for answers, count in found}
    return counts.get(True, 0), counts.get(False, 0)
