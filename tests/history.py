"""Samples of the queue and the fleet, as the scheduler would have noted them."""

from datetime import datetime
from typing import Any

from shared.messaging.messenger import Messenger
from shared.models import HistorySample


def noted(messenger: Messenger, at: datetime, **changes: Any) -> None:
    """A minute in which two jobs waited at priority 5, and one of two servers worked."""
    usual = {"step_s": 60, "waiting": [0, 0, 0, 0, 0, 2, 0, 0, 0, 0], "oldest_wait_s": 10.0, "stored_bytes": 1000}
    fleet = {"slots": 4, "slots_used": 1, "servers": 2, "servers_busy": 1}
    with messenger.transaction() as session:
        session.add(HistorySample(**{"at": at, **usual, **fleet, **changes}))
