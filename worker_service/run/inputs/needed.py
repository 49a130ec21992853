"""The files that a job needs: which inputs take them, what they are called on a server, and where their bytes are."""

from collections.abc import Collection, Iterator
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import col, select

from shared.database.engine import patiently, reading
from shared.files.server_names import FOLDER, name_on_server
from shared.jobs.errors import StorageUnavailable
from shared.models import Asset, GenerationJob
from shared.storage.store import OutputStore
from shared.texts.reasons import reason_of
from shared.workflows.image_cache import loads_from_cache
from worker_service.comfyui.inputs.errors import InputMissing
from worker_service.comfyui.inputs.uploads import InputFile
from worker_service.fleet.known_inputs import KnownFiles


class Needed(NamedTuple):
    """A file that an input of a node takes: an asset, as it is on a server."""

    node_id: str
    input: str
    file: InputFile
    asset_id: str


def needed_by(job: GenerationJob, engine: Engine, known: KnownFiles) -> list[Needed]:
    """The files of a job. Raises InputMissing. Most jobs need none, or such as are known: then nothing is asked."""
    inputs = [(node_id, name, one) for node_id, named in (job.assets or {}).items() for name, one in named.items()]
    ids = {one for _, _, one in inputs}
    files = known.of(ids)
    if unknown := ids - files.keys():
        for asset_id, asset in read(engine, unknown).items():
            files[asset_id] = file_of(asset)
            known.add(asset_id, files[asset_id])
    graph = job.workflow or {}
    return [
        Needed(node_id, name, files[one]._replace(is_cached=loads_from_cache(graph, node_id, name)), one)
        for node_id, name, one in inputs
    ]


def read(engine: Engine, asset_ids: Collection[str]) -> dict[str, Asset]:
    """The assets by their ids. Raises InputMissing."""
    asked = select(Asset).where(col(Asset.id).in_(sorted(map(UUID, asset_ids))))
    found: dict[str, Asset] = {}

    def ask() -> None:
        with reading(engine) as session:
            found.update({str(one.id): one for one in session.exec(asked)})

    patiently(ask)
    if missing := [one for one in asset_ids if one not in found]:
        raise InputMissing(missing[0])
    return found


def file_of(asset: Asset) -> InputFile:
    return InputFile(FOLDER, name_on_server(asset.hash, asset.media_type, asset.name), asset.size_bytes)


def pieces_of(store: OutputStore, engine: Engine, needed: Needed) -> Iterator[bytes]:
    """The bytes of a file. Raises StorageUnavailable at once where it is not as it was when it was uploaded, and
    InputMissing."""
    what, path = f"the input {needed.file.name}", read(engine, [needed.asset_id])[needed.asset_id].path
    try:
        size = store.size(path)
        pieces = store.read(path)
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
