"""A process that is stopped in the middle of a transaction does not keep everybody else from their work."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared.messaging.messenger import Messenger
from tests.jobs import answering, claimed, submitted

pytestmark = pytest.mark.system


@pytest.fixture
def database_url(own_database: str) -> str:
    return own_database


def test_the_servers_that_a_stopped_worker_has_locked_are_free_again_before_a_lease_runs_out(
    engine: Engine, messenger: Messenger
) -> None:
    answering(messenger)
    submitted(messenger)
    with engine.connect() as stopped:
        stopped.execute(text("SELECT name FROM comfyui_servers FOR UPDATE"))
        # It waits for the lock, and for no longer than the statement timeout, which raises.
        assert claimed(messenger) is not None
        with pytest.raises(SQLAlchemyError):
            stopped.execute(text("SELECT 1"))
