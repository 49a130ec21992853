"""Pictures as programs that draw know them: by ids that they choose, or that results were given.

On one server both are in its cache. Here an id of the client's own is the name of one of its owner's assets, and that
of a result the name of the output. A prompt with such an id names what is meant by a reference.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine

from api_service.inputs.outputs import outputs_at
from api_service.jobs.thumbnails import NamedFile
from shared.database.engine import reading
from shared.files.assets import newest_named
from shared.models import Asset
from shared.workflows import image_cache
from shared.workflows.opaque_names import OutputPlace, output_of
from shared.workflows.references import reference_to

PICTURE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")  # Krita's are eight hexadecimal digits
FOLDER = "etn"  # what the names of such assets begin with

Graph = Mapping[str, Any]


class Unknown(NamedTuple):
    """A node that loads a picture which its owner has not put there."""

    node_id: str
    picture_id: str


def asset_name(picture_id: str) -> str:
    return f"{FOLDER}/{picture_id}"


def loaded_pictures(graph: Graph) -> Iterator[tuple[str, str]]:
    """The nodes that load a picture by its id, and that id."""
    for node_id, node in graph.items():
        match node:
            case {"class_type": image_cache.LOADING, "inputs": {image_cache.ID: str(picture_id)}}:
                yield node_id, picture_id


def assets_of(engine: Engine, user_id: UUID, picture_ids: Collection[str]) -> dict[str, Asset]:
    """The owner's assets by the ids that clients know. Of an id that was given twice, the picture that came last."""
    names = {asset_name(one): one for one in picture_ids if PICTURE_ID.fullmatch(one)}
    with reading(engine) as session:
        return {names[name]: asset for name, asset in newest_named(session, user_id, names.keys()).items()}


def with_pictures(graph: Graph, assets: Mapping[str, Asset]) -> tuple[Graph, list[Unknown]]:
    """The graph with references in the place of ids, and what is not known. Whether there is such an output is for the
    checks of every job."""
    changed, unknown = dict[str, Any](), list[Unknown]()
    for node_id, picture_id in loaded_pictures(graph):
        target: UUID | OutputPlace | None = output_of(picture_id)
        if target is None and picture_id in assets:
            target = assets[picture_id].id
        if target is None:
            unknown.append(Unknown(node_id, picture_id))
        else:
            node = graph[node_id]
            changed[node_id] = {**node, "inputs": {**node["inputs"], image_cache.ID: reference_to(target)}}
    return {**graph, **changed}, unknown


def find_picture(engine: Engine, user_id: UUID, picture_id: str) -> NamedFile | None:
    """The output or the asset of a user that has this id."""
    if (place := output_of(picture_id)) is not None:
        with reading(engine) as session:
            output = outputs_at(session, user_id, [place]).get(place)
        return None if output is None else NamedFile(output.path, output.media_type, output.filename, output.sha256)
    asset = assets_of(engine, user_id, [picture_id]).get(picture_id)
    return None if asset is None else NamedFile(asset.path, asset.media_type, asset.name, asset.hash)
