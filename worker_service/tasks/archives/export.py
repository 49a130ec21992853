"""A user's jobs and files as one archive: written page by page, and whole whoever has written which page."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import structlog
from pydantic import ValidationError
from sqlmodel import Session, col, select

from shared.database.engine import reading
from shared.jobs.transitions import is_one_of
from shared.models import FINAL, GenerationJob, ImportedJob, JobOutput, TaskState
from shared.tasks.life import Ending, Page
from worker_service.tasks.archives.growing import GrowingArchive, Lengths, NotAsSaid, finish, looked_after
from worker_service.tasks.archives.manifest import ArchivedJob, ArchivedOutput, ArchivedThumbnail, ManifestHead
from worker_service.tasks.turns.jobs_in_turn import chosen_by, count_once, next_ids
from worker_service.tasks.turns.made_files import made_file
from worker_service.tasks.turns.turn import Turn

log = structlog.get_logger(__name__)

PAGE = 20
FILE_MISSING, NOT_EXPORTABLE = "file_missing", "not_exportable"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass
class PageOfJobs:
    """What is exported of a page, and what has come of it so far."""

    jobs: Sequence[GenerationJob]
    outputs: Mapping[int, Sequence[JobOutput]]
    sources: Mapping[int, str]  # by job, of those that were imported
    files: int = 0
    bytes: int = 0
    exported: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def export(turn: Turn) -> Ending | None:
    """Write the next page of jobs; after the last, the end of the archive."""
    lengths = Lengths.of(turn.cursor)
    if turn.cursor.get("is_whole"):
        key = finish(turn.resources.store, turn.folder, lengths, turn.check)
        name = f"jobs-{turn.task.created_at:%Y-%m-%d}-{turn.task.id.hex[:8]}.zip"
        return Ending(TaskState.COMPLETED, turn.result, made_file(turn, key, name, "application/zip"))
    chosen = chosen_by(turn)
    count_once(turn, chosen)
    with reading(turn.resources.messenger.engine) as session:
        ids, cursor = next_ids(session, turn, chosen, PAGE)
        page = page_of(session, ids)
    with GrowingArchive(turn.resources.store, turn.folder, lengths) as archive:
        if not archive.lengths.manifest:
            head = ManifestHead(user_id=turn.task.user_id, created_at=turn.task.created_at)
            archive.note(head.model_dump_json())
        for job in page.jobs:
            add_job(turn, archive, page, job)
        archive.sync()
        lengths = archive.lengths
    is_whole = len(ids) < PAGE
    with turn.transaction() as session:
        after = {**cursor, **lengths._asdict(), "is_whole": is_whole}
        sums = turn.summed(page.skipped, jobs=page.exported, files=page.files, bytes=page.bytes)
        turn.write(session, Page(after, turn.done + len(ids), sums))
    return None


def page_of(session: Session, ids: Sequence[int]) -> PageOfJobs:
    found = {job.id: job for job in session.exec(select(GenerationJob).where(is_one_of(ids)))}
    jobs = [found[job_id] for job_id in ids if job_id in found]
    outputs: defaultdict[int, list[JobOutput]] = defaultdict(list)
    in_order = (col(JobOutput.job_id), col(JobOutput.number))
    for output in session.exec(select(JobOutput).where(col(JobOutput.job_id).in_(ids)).order_by(*in_order)):
        outputs[output.job_id].append(output)
    named = [*ids, *(job.parent_id for job in jobs if job.parent_id is not None)]
    imported = session.exec(select(ImportedJob).where(col(ImportedJob.job_id).in_(named))).all()
    return PageOfJobs(jobs, outputs, {one.job_id: one.source for one in imported})


def add_job(turn: Turn, archive: GrowingArchive, page: PageOfJobs, job: GenerationJob) -> None:
    """Add the files of a job that has ended, and then the line that names them."""
    turn.check()
    if job.status not in FINAL:
        page.skipped[str(job.status)] += 1
        return
    try:
        said = ArchivedJob.model_validate(job)
    except ValidationError:  # of the former system's making
        page.skipped[NOT_EXPORTABLE] += 1
        return
    outputs = [add_output(turn, archive, page, output) for output in page.outputs[job.id]]
    archived = said.model_copy(
        update={
            "source": source_of(page, job, job.id),
            "parent": None if job.parent_id is None else source_of(page, job, job.parent_id),
            "outputs": outputs,
        }
    )
    archive.note(archived.model_dump_json())
    page.exported += 1


def source_of(page: PageOfJobs, job: GenerationJob, job_id: int) -> str:
    return page.sources.get(job_id, f"{job.user_id}/{job_id}")


def add_output(turn: Turn, archive: GrowingArchive, page: PageOfJobs, output: JobOutput) -> ArchivedOutput:
    place = f"jobs/{output.job_id}/{output.number}"
    said = without_files(output)
    name = f"{place}-{UNSAFE.sub('_', output.filename)[-100:]}"
    digest = add_file(turn, archive, page, (name, output.path, output.size_bytes))
    if digest != output.sha256:
        log.warning("export.file_missing", job_id=output.job_id, number=output.number, found=digest)
        page.skipped[FILE_MISSING] += 1
        return said
    thumbnails = {}
    for size, made in output.thumbnails.items():
        small = f"{place}-{size}{PurePosixPath(made['path']).suffix}"
        if found := add_file(turn, archive, page, (small, made["path"], made["size_bytes"])):
            facts = {key: made[key] for key in ("width", "height", "size_bytes")}
            thumbnails[size] = ArchivedThumbnail(file=small, sha256=found, **facts)
    return said.model_copy(update={"file": name, "thumbnails": thumbnails})


def without_files(output: JobOutput) -> ArchivedOutput:
    """The output as its row says, without where its files are."""
    names = ArchivedOutput.model_fields.keys() - {"file", "thumbnails"}
    return ArchivedOutput.model_validate({name: getattr(output, name) for name in names})


def add_file(turn: Turn, archive: GrowingArchive, page: PageOfJobs, file: tuple[str, str, int]) -> str | None:
    """Add a file: its name, its key in the store and its size. Returns its SHA-256; None if the store has lost it."""
    name, key, size = file
    try:
        pieces = turn.resources.store.read(key)
        digest = archive.add(name, size, looked_after(pieces, turn.check))
    except (FileNotFoundError, NotAsSaid):
        return None
    page.files += 1
    page.bytes += size
    return digest
