"""What deleted jobs have left in the output store is removed, and then the note that named it."""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.files.folders import discarded_folders, forget_notes
from shared.files.store import OutputStore
from shared.messaging.after_commit import Outbox

log = structlog.get_logger(__name__)

AT_ONCE = 500


def remove_discarded(outbox: Outbox, store: OutputStore) -> int:
    """Remove every discarded folder, in portions. Returns how many; whatever fails stays noted, for the next time."""
    removed = 0
    try:
        while True:
            with outbox.transaction() as session:
                folders = discarded_folders(session, AT_ONCE)
            gone = [folder for folder in folders if remove(store, folder)]
            with outbox.transaction() as session:
                forget_notes(session, gone)
            removed += len(gone)
            if len(gone) < AT_ONCE:
                break
    except SQLAlchemyError as error:
        log.warning("folders.not_removed", error=str(error))
    if removed:
        log.info("folders.removed", count=removed)
    return removed


def remove(store: OutputStore, folder: str) -> bool:
    try:
        store.remove(folder)
    except OSError as error:
        log.warning("folder.not_removed", folder=folder, error=str(error))
        return False
    return True
