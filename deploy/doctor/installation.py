"""What is examined: the settings, and connections to what they name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Engine

from shared.configuration.settings import Settings
from shared.database.engine import create_engine
from shared.messaging.messenger import Messenger
from shared.messaging.opening import open_messenger
from shared.storage.opening import open_storage
from shared.storage.store import OutputStore

APPLICATION = "doctor"


class Installation(NamedTuple):
    """`environ` is where the settings are from. `messenger` sends nothing here: it counts what waits."""

    environ: Mapping[str, str]
    settings: Settings
    engine: Engine
    messenger: Messenger
    store: OutputStore


@contextmanager
def installed(environ: Mapping[str, str], settings: Settings) -> Iterator[Installation]:
    """Nothing is connected to before somebody asks. Raises SettingsError."""
    store = open_storage(settings).store
    engine = create_engine(settings, application=APPLICATION, connections=2)
    messenger = open_messenger(engine, settings)
    try:
        yield Installation(environ, settings, engine, messenger, store)
    finally:
        engine.dispose()
        messenger.close()
