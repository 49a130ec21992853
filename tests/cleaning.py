"""One clean-up, done now as a worker does it, or as a dry run shows it."""

import threading
from typing import Any

from shared.accounts.retention import usual_retention
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.storage.opening import open_storage
from worker_service.cleanup.clean_ups import CLEAN_UPS
from worker_service.cleanup.portion import CleanUp, Tools
from worker_service.cleanup.run import Cleaner


def clean_up_named(name: str) -> CleanUp:
    return next(clean_up for clean_up in CLEAN_UPS if clean_up.name == name)


def tools_of(messenger: Messenger, settings: Settings, *, sized: bool = False, **changes: Any) -> Tools:
    """`changes` are settings: `retention_jobs=timedelta(days=1)`."""
    changed = settings.model_copy(update=changes)
    store = open_storage(settings).store
    return Tools(messenger, store, usual_retention(changed), changed.retention_orphans, sized=sized)


def cleaned(messenger: Messenger, settings: Settings, name: str, **changes: Any) -> int:
    """How many have gone."""
    cleaner = Cleaner(tools_of(messenger, settings, **changes), threading.Event(), rests_for=0)
    removed = cleaner.do(clean_up_named(name), at_once=True)
    assert removed is not None, "nobody else is at it"
    return removed.number


def would_go(messenger: Messenger, settings: Settings, name: str, **changes: Any) -> tuple[int, int]:
    """How many would go, and how many bytes."""
    tools = tools_of(messenger, settings, sized=True, **changes)
    found = list(clean_up_named(name).find(tools, None))
    return sum(len(portion.items) for portion in found), sum(portion.size_bytes for portion in found)
