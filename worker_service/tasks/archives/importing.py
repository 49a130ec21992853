"""The jobs of an archive are made once for each user: their files verified and stored first, then their rows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from shared.files.folders import job_folder
from shared.models import FINAL, GenerationJob, JobOutput, TaskState
from shared.tasks.life import Ending, Page
from shared.workflows.metadata import storable
from worker_service.tasks.archives.copying import Said, WrongFile, copy
from worker_service.tasks.archives.fetching import archive_key, take
from worker_service.tasks.archives.imported_inputs import Content, store_input
from worker_service.tasks.archives.imported_rows import Arrival, add_rows, known_sources, place_for
from worker_service.tasks.archives.manifest import ArchivedJob, ArchivedOutput, ManifestHead
from worker_service.tasks.archives.reading import GivenArchive, Line, damaged, parsed
from worker_service.tasks.turns.turn import Turn

PAGE = 20
EXISTS, INVALID, DAMAGED = "exists", "invalid", "file_damaged"
LONGEST_SUFFIX = 10
OF_THUMBNAILS = {".jpg", ".webp"}  # says what one is


@dataclass
class PageOfLines:
    """What has come of a page so far."""

    arrivals: list[Arrival] = field(default_factory=list)
    contents: dict[str, Content] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def bytes(self) -> int:
        """What is stored for it, and not counted yet."""
        outputs = sum(output.size_bytes for arrival in self.arrivals for output in arrival.outputs)
        return outputs + sum(content.size for content in self.contents.values())


def import_(turn: Turn) -> Ending | None:
    """Take the archive, or a part of it; then the next page of its jobs. After the last, nobody needs the archive."""
    if not turn.cursor.get("is_there"):
        take(turn)
        return None
    if turn.cursor.get("is_read"):
        turn.remove(turn.folder)
        return Ending(TaskState.COMPLETED, turn.result)
    at = turn.cursor.get("at", 0)
    with turn.resources.store.open(archive_key(turn)) as file:
        archive = turn.kept.get("archive") or GivenArchive(file)
        archive.file, turn.kept["archive"] = file, archive
        archive.taken = turn.cursor.get("taken", 0)
        if turn.task.total is None:
            turn.count(max(0, archive.count_lines(turn.check) - 1))
        lines = list(next_lines(archive, at))
        page = arrived(turn, archive, [line.text for line in lines])
    jobs = max(0, len(lines) - (at == 0))  # the first line of all is none
    with turn.transaction() as session:
        page.skipped[EXISTS] += add_rows(session, turn, page.arrivals, page.contents)
        cursor = {
            **turn.cursor,
            "at": lines[-1].end if lines else at,
            "is_read": len(lines) < PAGE,
            "taken": archive.taken,
        }
        turn.write(session, Page(cursor, turn.done + jobs, summed(turn, page)))
    return None


def next_lines(archive: GivenArchive, start: int) -> Iterator[Line]:
    """The lines of a page. Raises TaskFailed, unless the first line of all says what we can read."""
    for number, line in enumerate(archive.lines(start)):
        if start == number == 0:
            try:
                ManifestHead.model_validate_json(line.text)
            except ValidationError:
                raise damaged("its manifest is not of a form that is known here") from None
        if number == PAGE:
            return
        yield line


def arrived(turn: Turn, archive: GivenArchive, lines: Sequence[bytes]) -> PageOfLines:
    """Store the files of those jobs that are new. Raises TaskFailed, where they have no place."""
    page = PageOfLines()
    jobs = [job for line in lines if (job := job_in(line, page)) is not None]
    known = known_sources(turn, jobs)
    for job in jobs:
        if job.source in known:
            page.skipped[EXISTS] += 1
            continue
        known = known | {job.source}
        row, inputs = place_for(turn, job, page.bytes, page.contents)
        try:
            for folder, one in inputs.items():
                page.contents[one.hash] = store_input(turn, archive, one, folder)
            outputs = [stored(turn, archive, row, output) for output in job.outputs if output.file is not None]
        except WrongFile:
            page.skipped[DAMAGED] += 1
            continue
        page.arrivals.append(Arrival(job, row, outputs))
    return page


def job_in(line: bytes, page: PageOfLines) -> ArchivedJob | None:
    """The job of a line; None for the first line, and for one that no job can be made of."""
    try:
        found = parsed(line)
        if isinstance(found, dict) and "format" in found:
            return None
        job = ArchivedJob.model_validate(found)
        storable(job.caller_metadata)
    except ValueError:
        page.skipped[INVALID] += 1
        return None
    numbers = [output.number for output in job.outputs]
    if job.status not in FINAL or len(set(numbers)) < len(numbers):
        page.skipped[INVALID] += 1
        return None
    return job


def stored(turn: Turn, archive: GivenArchive, row: GenerationJob, output: ArchivedOutput) -> JobOutput:
    """Store an output and its thumbnails. Returns its row. Raises WrongFile."""
    folder = f"{job_folder(row)}/0"
    suffix = PurePosixPath(output.filename).suffix
    safe = suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= LONGEST_SUFFIX else ""
    path = f"{folder}/{output.number}{safe}"
    copy(turn, archive, Said(str(output.file), output.size_bytes, output.sha256), path)
    thumbnails, keys = {}, dict[Said, str]()
    for size, small in output.thumbnails.items():
        ending = PurePosixPath(small.file).suffix
        if not (size.isascii() and size.isdecimal()) or ending not in OF_THUMBNAILS:
            raise WrongFile
        said = Said(small.file, small.size_bytes, small.sha256)
        if said not in keys:  # one file may serve several sizes
            keys[said] = f"{folder}/{output.number}-{size}{ending}"
            copy(turn, archive, said, keys[said])
        thumbnails[size] = {"path": keys[said], **small.model_dump(include={"width", "height", "size_bytes"})}
    facts = output.model_dump(exclude={"file", "thumbnails"})
    return JobOutput(job_id=row.id, path=path, thumbnails=thumbnails, **facts)


def summed(turn: Turn, page: PageOfLines) -> dict[str, Any]:
    """What has come of all pages so far, with this one."""
    added = [arrival for arrival in page.arrivals if arrival.is_added]
    sizes = [output.size_bytes for arrival in added for output in arrival.outputs]
    sizes += [content.size for content in page.contents.values() if content.is_taken]
    return turn.summed(page.skipped, jobs=len(added), files=len(sizes), bytes=sum(sizes))
