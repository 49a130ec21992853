"""A messenger as its settings say, for who waits for Redis no longer than a caller does."""

from collections.abc import Callable

from sqlalchemy import Engine

from shared.configuration.settings import Settings
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels
from shared.messaging.happenings import Happening
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import hasty_client


def open_messenger(
    engine: Engine, settings: Settings, count: Callable[[Happening], None] = lambda _: None
) -> Messenger:
    """It connects to Redis where it is first used. `count` is called with what has happened to jobs."""
    return Messenger(
        engine, sending_broker(settings), hasty_client(settings.redis_url), Channels(settings.redis_ns), count
    )
