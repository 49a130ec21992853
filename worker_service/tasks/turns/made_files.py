"""A file that a task has made: what is said of it once it is whole."""

import hashlib
from typing import Any

from worker_service.tasks.turns.turn import Turn


def made_file(turn: Turn, key: str, filename: str, media_type: str) -> dict[str, Any]:
    """What a task's row says of a file in the store. Reads it once, and looks up whether it should go on."""
    digest, size = hashlib.sha256(), 0
    for piece in turn.resources.store.read(key):
        turn.check()
        digest.update(piece)
        size += len(piece)
    return {
        "path": key,
        "filename": filename,
        "media_type": media_type,
        "size_bytes": size,
        "sha256": digest.hexdigest(),
    }
