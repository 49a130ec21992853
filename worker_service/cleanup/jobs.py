"""Old jobs go, or what they can do without: rows in one transaction, files after it, and the notes of these last."""

from collections.abc import Callable, Sequence

import structlog
from sqlmodel import Session

from shared.database.engine import transaction
from shared.files.folders import forget_notes
from shared.jobs.deletion import Gone, delete_jobs
from shared.messaging.events import Event
from worker_service.cleanup import shedding
from worker_service.cleanup.portion import Portion, Remove, Removed, Tools

log = structlog.get_logger(__name__)


def remove_jobs(tools: Tools, portion: Portion) -> Removed:
    with transaction(tools.engine) as session:
        gone = delete_jobs(session, portion.items)
    if gone.jobs:
        tools.messenger.publish(*(Event.deletion(job.id, job.user_id, job.gone_at) for job in gone.jobs))
    remove_noted(tools, gone.folders)
    return Removed(len(gone.jobs), gone.freed_bytes)


def remove_files_of(shed: Callable[[Session, Sequence[int]], tuple[Gone, list[str]]]) -> Remove:
    def remove(tools: Tools, portion: Portion) -> Removed:
        with transaction(tools.engine) as session:
            gone, files = shed(session, portion.items)
        remove_noted(tools, files)
        return Removed(len(gone.jobs), gone.freed_bytes)

    return remove


def remove_rows_of(shed: Callable[[Session, Sequence[int]], int]) -> Remove:
    def remove(tools: Tools, portion: Portion) -> Removed:
        with transaction(tools.engine) as session:
            return Removed(shed(session, portion.items))

    return remove


remove_outputs = remove_files_of(shedding.shed_outputs)
remove_previews = remove_files_of(shedding.shed_thumbnails)
remove_events = remove_rows_of(shedding.shed_events)
remove_attempts = remove_rows_of(shedding.shed_attempts)
remove_keys = remove_rows_of(shedding.shed_keys)


def remove_noted(tools: Tools, files: Sequence[str]) -> int:
    """Remove files or folders into which nobody writes, then their notes. Returns how many; what fails stays noted."""
    gone = [file for file in files if is_removed(tools, file)]
    if gone:
        with transaction(tools.engine) as session:
            forget_notes(session, gone)
    return len(gone)


def is_removed(tools: Tools, file: str) -> bool:
    try:
        tools.store.remove(file)
    except (OSError, ValueError) as error:
        log.warning("folder.not_removed", folder=file, error=str(error))
        return False
    return True
