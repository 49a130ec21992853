"""What is needed to bring inputs to a server."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Engine

from shared.files.store import OutputStore
from worker_service.fleet.known_inputs import KnownInputs


class Means(NamedTuple):
    """Where the assets and their bytes are, and what each server is known to have."""

    engine: Engine
    store: OutputStore
    known: Mapping[str, KnownInputs]
