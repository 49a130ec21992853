"""A user's jobs and files as one archive: written page by page, and whole whoever has written which page."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import structlog
from pydantic import ValidationError

from shared.database.engine import reading
from shared.files.content_hash import ContentHash
from shared.models import FINAL, Asset, GenerationJob, JobOutput, TaskState
from shared.storage.pieces import looked_after
from shared.tasks.life import Ending, Page
from worker_service.tasks.archives.exported_rows import PageOfJobs, assets_of, page_of, source_of, without_files
from worker_service.tasks.archives.growing import GrowingArchive, Lengths, NotAsSaid, finish
from worker_service.tasks.archives.manifest import (
    ArchivedInput,
    ArchivedJob,
    ArchivedOutput,
    ArchivedThumbnail,
    ManifestHead,
)
from worker_service.tasks.archives.zip_records import names_in
from worker_service.tasks.turns.jobs_in_turn import chosen_by, count_once, next_ids
from worker_service.tasks.turns.made_files import made_file
from worker_service.tasks.turns.turn import Turn

log = structlog.get_logger(__name__)

PAGE = 20
FILE_MISSING, NOT_EXPORTABLE = "file_missing", "not_exportable"
INPUTS = "inputs/"  # begins the names of their entries; the rest is their hash
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


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
        if "inputs" not in turn.kept:
            found = names_in(archive.directory.pieces())
            turn.kept["inputs"] = {name for name in found if name.startswith(INPUTS)}
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


def add_job(turn: Turn, archive: GrowingArchive, page: PageOfJobs, job: GenerationJob) -> None:
    """Add the files of a job that has ended, and then the line that names them."""
    turn.check()
    if job.status not in FINAL:
        page.skipped[str(job.status)] += 1
        return
    try:
        said = ArchivedJob.model_validate(job)
        inputs = [(one, ArchivedInput.model_validate(one)) for one in assets_of(job, page)]
    except ValidationError:  # of the former system's making
        page.skipped[NOT_EXPORTABLE] += 1
        return
    outputs = [add_output(turn, archive, page, output) for output in page.outputs[job.id]]
    archived = said.model_copy(
        update={
            "source": source_of(page, job, job.id),
            "parent": None if job.parent_id is None else source_of(page, job, job.parent_id),
            "outputs": outputs,
            "inputs": [add_input(turn, archive, page, *one) for one in inputs],
        }
    )
    archive.note(archived.model_dump_json())
    page.exported += 1


def add_output(turn: Turn, archive: GrowingArchive, page: PageOfJobs, output: JobOutput) -> ArchivedOutput:
    place = f"jobs/{output.job_id}/{output.number}"
    said = without_files(output)
    name = f"{place}-{UNSAFE.sub('_', output.filename)[-100:]}"
    digest = add_file(turn, archive, page, (name, output.path, output.size_bytes))
    if digest != output.sha256:
        log.warning("export.file_missing", job_id=output.job_id, number=output.number, found=digest)
        page.skipped[FILE_MISSING] += 1
        return said
    thumbnails, added = {}, dict[str, tuple[str, str | None]]()
    for size, made in output.thumbnails.items():
        if (path := made["path"]) not in added:  # one file serves the sizes above that of the picture
            small = f"{place}-{size}{PurePosixPath(path).suffix}"
            added[path] = small, add_file(turn, archive, page, (small, path, made["size_bytes"]))
        small, found = added[path]
        if found:
            facts = {key: made[key] for key in ("width", "height", "size_bytes")}
            thumbnails[size] = ArchivedThumbnail(file=small, sha256=found, **facts)
    return said.model_copy(update={"file": name, "thumbnails": thumbnails})


def add_input(
    turn: Turn, archive: GrowingArchive, page: PageOfJobs, asset: Asset, said: ArchivedInput
) -> ArchivedInput:
    """Add the file of an asset, unless it is there for a job before."""
    name, there = f"{INPUTS}{said.hash.partition(':')[2]}", turn.kept["inputs"]
    if name not in there:
        if add_file(turn, archive, page, (name, asset.path, asset.size_bytes), said.hash) is None:
            log.warning("export.file_missing", asset_id=str(asset.id))
            page.skipped[FILE_MISSING] += 1
            return said
        there.add(name)
    return said.model_copy(update={"file": name})


def verified(pieces: Iterable[bytes], content_hash: str) -> Iterator[bytes]:
    """The pieces. Raises NotAsSaid behind the last, where they have another hash."""
    found = ContentHash()
    for piece in pieces:
        found.add(piece)
        yield piece
    if str(found) != content_hash:
        raise NotAsSaid


def add_file(
    turn: Turn, archive: GrowingArchive, page: PageOfJobs, file: tuple[str, str, int], content_hash: str | None = None
) -> str | None:
    """Add a file: its name, its key in the store and its size. Returns its SHA-256; None if the store has lost it, or
    has bytes with another hash than that."""
    name, key, size = file
    try:
        pieces = turn.resources.store.read(key)
        pieces = pieces if content_hash is None else verified(pieces, content_hash)
        digest = archive.add(name, size, looked_after(pieces, turn.check))
    except (FileNotFoundError, NotAsSaid):
        return None
    page.files += 1
    page.bytes += size
    return digest
