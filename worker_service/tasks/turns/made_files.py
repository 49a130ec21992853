"""A file that a task has made: what is said of it once it is whole."""

from typing import Any

from shared.storage.pieces import digest_of, looked_after
from worker_service.tasks.turns.turn import Turn


def made_file(turn: Turn, key: str, filename: str, media_type: str) -> dict[str, Any]:
    """What a task's row says of a file in the store. Reads it once, and looks up whether it should go on."""
    found = digest_of(looked_after(turn.resources.store.read(key), turn.check))
    return {
        "path": key,
        "filename": filename,
        "media_type": media_type,
        "size_bytes": found.size,
        "sha256": found.sha256.hex(),
    }
