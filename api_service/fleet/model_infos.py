"""What the models of all servers are, by folder and name: told by those servers whose nodes know it.

Of several servers with a model of one name, the first one that is given jobs is believed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine

from api_service.fleet.capability_cache import of_seen_servers
from api_service.fleet.read_again import ReadAgain
from shared.database.engine import reading
from shared.models import ServerCapabilities

ModelInfo = Mapping[str, Mapping[str, Mapping[str, Any]]]

SAID = of_seen_servers(ServerCapabilities.model_info)


class ModelInfos(ReadAgain[ModelInfo]):
    """The union, read again while somebody asks for it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__({})
        self.engine = engine

    def read(self) -> ModelInfo:
        with reading(self.engine) as session:
            return union(session.scalars(SAID))


def union(infos: Iterable[ModelInfo]) -> ModelInfo:
    """The models of each folder, by name."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for info in infos:
        for folder, models in info.items():
            found[folder] = {**models, **found.get(folder, {})}
    return {folder: {name: models[name] for name in sorted(models)} for folder, models in found.items()}
