"""Jobs with files, to be put into archives."""

from pathlib import Path
from typing import Any

from shared.files.folders import job_folder
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.storage.folder_store import FolderStore
from tests.jobs import output, running
from tests.worker_service.tasks.contents import sha256_of


def completed(messenger: Messenger, folder: Path, content: bytes = b"abc", **values: Any) -> int:
    """A job with one output of these bytes, and a thumbnail of it, of two sizes."""
    claim = running(messenger, **values)
    place = f"{job_folder(claim.job)}/1"
    for name, found in (("file", content), ("small", b"small")):
        (folder / name).write_bytes(found)
    keys = {f"{place}/0.png": folder / "file", f"{place}/0-300.webp": folder / "small"}
    FolderStore(folder / "outputs").put(keys)
    small = {"path": f"{place}/0-300.webp", "width": 3, "height": 2, "size_bytes": 5}
    thumbnails = {"150": small, "300": small}
    facts: dict[str, Any] = {"size_bytes": len(content), "sha256": sha256_of(content), "thumbnails": thumbnails}
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, path=f"{place}/0.png", **facts)])
    return claim.job.id
