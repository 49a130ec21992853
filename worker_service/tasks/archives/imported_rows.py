"""The rows of imported jobs: where their files go before there are any, and that each is there once for each user."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session, col, select

from shared.database.engine import reading
from shared.files.assets import hold_user
from shared.files.folders import job_folder, note, take_back_notes
from shared.jobs.urls import number_in
from shared.models import GenerationJob, ImportedJob, JobOutput
from worker_service.tasks.archives.imported_inputs import Contents, NewInputs, Takeover, new_inputs, too_slow
from worker_service.tasks.archives.manifest import ArchivedJob
from worker_service.tasks.turns.turn import TaskFailed, Turn

NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('generation_jobs', 'id'))")
OF_ROWS = {"source", "parent", "outputs", "inputs", "assets", "warnings"}


@dataclass
class Arrival:
    """A job whose files are stored, and its rows, which are not."""

    job: ArchivedJob
    row: GenerationJob
    outputs: Sequence[JobOutput]
    is_added: bool = False


def known_sources(turn: Turn, jobs: Sequence[ArchivedJob]) -> set[str]:
    """Those of the jobs that the user has: imported before, or where they come from."""
    with reading(turn.resources.messenger.engine) as session:
        return set(ids_of(session, turn, [job.source for job in jobs]))


def kept_parent(session: Session, job_id: int | None) -> int | None:
    """This job, kept from being deleted until the end of the transaction; None if it is gone already."""
    if job_id is None:
        return None
    there = select(GenerationJob.id).where(col(GenerationJob.id) == job_id)
    return session.exec(there.with_for_update(read=True, key_share=True)).one_or_none()


def ids_of(session: Session, turn: Turn, sources: Sequence[str]) -> dict[str, int]:
    """The numbers here of those jobs that the user has."""
    user_id = turn.task.user_id
    imported = select(ImportedJob.source, ImportedJob.job_id).where(
        ImportedJob.user_id == user_id, col(ImportedJob.source).in_(sources)
    )
    own = {number: source for source in sources if (number := own_number(turn, source)) is not None}
    there = select(GenerationJob.id).where(col(GenerationJob.id).in_(own), GenerationJob.user_id == user_id)
    found = {own[job_id]: job_id for job_id in session.exec(there).all()}
    return {**found, **dict(session.exec(imported).all())}


def own_number(turn: Turn, source: str) -> int | None:
    """The number of a job that comes from here, and from this user."""
    whose, _, number = source.partition("/")
    return number_in(number) if whose == str(turn.task.user_id) else None


def place_for(turn: Turn, job: ArchivedJob, before: int, contents: Contents) -> tuple[GenerationJob, NewInputs]:
    """A row that is yet to be added, with a number of its own, and the assets whose bytes the user has not. The folders
    of both are noted until they are. So many bytes before this job's are not counted yet. Raises TaskFailed."""
    most, more = turn.task.terms.get("stored_bytes"), sum(output.size_bytes for output in job.outputs if output.file)
    with turn.transaction() as session:
        user = hold_user(session, turn.task.user_id)
        inputs = new_inputs(session, user, job.inputs, contents)
        more += sum(one.size_bytes for one in inputs.values())
        if most is not None and user.stored_bytes + before + more > most:
            raise TaskFailed("quota_exceeded", f"what the user has stored would be more than {most} bytes")
        job_id = int(session.connection().execute(NEXT_ID).scalar_one())
        facts = {name: getattr(job, name) for name in ArchivedJob.model_fields.keys() - OF_ROWS}
        assets = (
            None
            if job.assets is None
            else {
                node: {name: str(asset_id) for name, asset_id in by_name.items()}
                for node, by_name in job.assets.items()
            }
        )
        warnings = [one.model_dump() for one in job.warnings]
        row = GenerationJob(id=job_id, user_id=turn.task.user_id, assets=assets, warnings=warnings, **facts)
        note(session, job_folder(row), *inputs)
    return row, inputs


def add_rows(session: Session, turn: Turn, arrivals: Sequence[Arrival], contents: Contents) -> int:
    """Add the jobs with the assets they take, and take back the notes of their folders. Returns how many came from
    elsewhere meanwhile. Raises NotNow where clean-up may have removed what was stored."""
    user = hold_user(session, turn.task.user_id)
    takeover = Takeover(session, user, contents, turn.resources.asset_lifetime)
    named = [arrival.job.source for arrival in arrivals]
    known = ids_of(session, turn, [*named, *(arrival.job.parent for arrival in arrivals if arrival.job.parent)])
    for arrival in arrivals:
        if arrival.job.source in known:
            continue
        arrival.is_added = True
        arrival.row.parent_id = kept_parent(session, known.get(arrival.job.parent or ""))
        session.add(arrival.row)
        session.flush()
        takeover.lead(arrival.row, arrival.job.inputs)
        session.add_all(arrival.outputs)
        session.add(ImportedJob(user_id=user.id, source=arrival.job.source, job_id=arrival.row.id))
        user.stored_bytes += sum(output.size_bytes for output in arrival.outputs)
        known[arrival.job.source] = arrival.row.id
    if not take_back_notes(session, [job_folder(arrival.row) for arrival in arrivals if arrival.is_added]):
        raise too_slow()
    return sum(not arrival.is_added for arrival in arrivals)
