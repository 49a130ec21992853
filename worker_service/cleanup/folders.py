"""Files of deleted jobs and assets, lost attempts, broken uploads: noted, and removed once nobody can write there."""

from collections.abc import Iterator, Sequence

from shared.database.engine import reading
from shared.files.folders import discarded_folders
from shared.models import DiscardedFolder
from worker_service.cleanup.jobs import remove_noted
from worker_service.cleanup.portion import Portion, Removed, Tools

WINDOW = 200


def noted_folders(tools: Tools, _place: str | None) -> Iterator[Portion]:
    """Each note once: what cannot be removed is passed over, and tried again the next time."""
    after: DiscardedFolder | None = None
    while True:
        with reading(tools.engine) as session:
            notes = discarded_folders(session, WINDOW, after)
        if notes:
            folders = [note.folder for note in notes]
            yield Portion(folders, size_of(tools, folders), notes[0].created_at)
        if len(notes) < WINDOW:
            return
        after = notes[-1]


def size_of(tools: Tools, folders: Sequence[str]) -> int:
    """How many bytes are there, where that is asked for."""
    return sum(file.size_bytes for folder in folders for file in tools.store.files(folder)) if tools.sized else 0


def remove_folders(tools: Tools, portion: Portion) -> Removed:
    return Removed(remove_noted(tools, portion.items))
