"""Thumbnails are made again of outputs that are there: where they are missing, or are to be as they are made today."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from shared.database.engine import reading
from shared.jobs.errors import OutputCorrupt
from shared.jobs.transitions import is_one_of
from shared.models import GenerationJob, JobOutput, TaskState
from shared.tasks.life import Ending, Page
from worker_service.media.findings import Examined
from worker_service.media.pool import PoolClosed
from worker_service.tasks.turns.jobs_in_turn import chosen_by, count_once, next_ids
from worker_service.tasks.turns.turn import Stopping, Turn

PAGE = 5
FILE_MISSING, DAMAGED, NO_PICTURE = "file_missing", "file_damaged", "no_picture"


@dataclass
class PageOfOutputs:
    """What was made of each output, as its row is to say it; and how many have none, by the reason."""

    made: list[tuple[JobOutput, dict[str, dict[str, Any]], str | None]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def thumbnails(turn: Turn) -> Ending | None:
    """Do the next page of jobs."""
    chosen = chosen_by(turn)
    count_once(turn, chosen)
    with reading(turn.resources.messenger.engine) as session:
        ids, cursor = next_ids(session, turn, chosen, PAGE)
        in_order = (col(JobOutput.job_id), col(JobOutput.number))
        found = session.exec(select(JobOutput).where(col(JobOutput.job_id).in_(ids)).order_by(*in_order)).all()
    page = pictured(turn, found)
    with turn.transaction() as session:
        write(session, page)
        made = sum(bool(said) for _, said, _ in page.made)
        turn.write(session, Page(cursor, turn.done + len(ids), turn.summed(page.skipped, outputs=made)))
    return Ending(TaskState.COMPLETED, turn.result) if len(ids) < PAGE else None


def pictured(turn: Turn, outputs: Sequence[JobOutput]) -> PageOfOutputs:
    """Decode the outputs, and store what was made of each."""
    page = PageOfOutputs()
    for output in outputs:
        turn.check()
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "output"
            try:
                copy(turn, output, local)
                examined = turn.resources.media.examine(local, output.path)
            except FileNotFoundError:
                page.skipped[FILE_MISSING] += 1
            except OutputCorrupt:
                page.skipped[DAMAGED] += 1
            except PoolClosed:
                raise Stopping from None
            else:
                page.made.append((output, stored(turn, output, examined), examined.note))
                page.skipped[NO_PICTURE] += not examined.thumbnails
    return page


def copy(turn: Turn, output: JobOutput, local: Path) -> None:
    with local.open("wb") as file:
        for piece in turn.resources.store.read(output.path):
            turn.check()
            file.write(piece)


def stored(turn: Turn, output: JobOutput, examined: Examined) -> dict[str, dict[str, Any]]:
    """Store the thumbnails beside their output, over those that were there. Returns what its row says of them."""
    folder = output.path.rpartition("/")[0]
    said, files = examined.thumbnail_files(f"{folder}/{output.number}")
    if files:
        turn.resources.store.put(files)
    return said


def write(session: Session, page: PageOfOutputs) -> None:
    """An output that was deleted meanwhile has no row, and what was stored for it goes with its folder's note."""
    for output, said, note in page.made:
        this = (col(JobOutput.job_id) == output.job_id, col(JobOutput.number) == output.number)
        values = {"thumbnails": said, "thumbnail_note": note}
        session.connection().execute(update(JobOutput).where(*this, col(JobOutput.path) == output.path).values(values))
    changed = is_one_of(sorted({output.job_id for output, _, _ in page.made}))
    session.connection().execute(update(GenerationJob).where(changed).values(updated_at=func.now()))
