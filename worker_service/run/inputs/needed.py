"""The files that a job needs: which inputs take them, what they are called on a server, and where their bytes are."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import col, select

from shared.configuration.reasons import reason_of
from shared.database.engine import patiently, reading
from shared.files.server_names import FOLDER, name_on_server
from shared.files.store import OutputStore
from shared.jobs.errors import StorageUnavailable
from shared.models import Asset, GenerationJob
from worker_service.comfyui.inputs.errors import InputMissing
from worker_service.comfyui.inputs.uploads import InputFile

PATIENCE = timedelta(minutes=5)  # with a database that is away


class Needed(NamedTuple):
    """A file that an input of a node takes. `path` is its key in the store."""

    node_id: str
    input: str
    file: InputFile
    path: str

    @property
    def value(self) -> str:
        """What the input is given: the file by its path below ComfyUI's folder `input`."""
        return f"{self.file.folder}/{self.file.name}"


def needed_by(job: GenerationJob, engine: Engine) -> list[Needed]:
    """The files of a job. Raises InputMissing. Most jobs need none, and ask nothing."""
    inputs = [(node_id, name, one) for node_id, named in (job.assets or {}).items() for name, one in named.items()]
    if not inputs:
        return []
    ids = sorted({UUID(one) for _, _, one in inputs})
    assets: dict[str, Asset] = {}

    def read() -> None:
        with reading(engine) as session:
            assets.update({str(one.id): one for one in session.exec(select(Asset).where(col(Asset.id).in_(ids)))})

    patiently(read, patience=PATIENCE)
    if missing := [one for _, _, one in inputs if one not in assets]:
        raise InputMissing(missing[0])
    return [Needed(node_id, name, file_of(assets[one]), assets[one].path) for node_id, name, one in inputs]


def file_of(asset: Asset) -> InputFile:
    return InputFile(FOLDER, name_on_server(asset.hash, asset.media_type, asset.name), asset.size_bytes)


def pieces_of(store: OutputStore, needed: Needed) -> Iterator[bytes]:
    """The bytes of a file. Raises StorageUnavailable at once where it is not as it was when it was uploaded."""
    what = f"the input {needed.file.name}"
    try:
        size = store.size(needed.path)
        pieces = store.read(needed.path)
    except FileNotFoundError as error:
        away = store.unreadable()
        reason = away or "its file is not in the store"
        raise StorageUnavailable(what, reason, doing="read", is_away=away is not None) from error
    except OSError as error:
        raise StorageUnavailable(what, reason_of(error), doing="read") from error
    if size != needed.file.size:
        reason = f"its file has {size} bytes instead of {needed.file.size}"
        raise StorageUnavailable(what, reason, doing="read", is_away=False)
    return told(pieces, what)


def told(pieces: Iterator[bytes], what: str) -> Iterator[bytes]:
    """The pieces; what breaks off is our store's doing."""
    try:
        yield from pieces
    except OSError as error:
        raise StorageUnavailable(what, reason_of(error), doing="read") from error
