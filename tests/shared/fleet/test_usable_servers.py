"""Whoever asks whether a server is usable gets one answer: the claim, readiness, the capability cache and the view."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from api_service.fleet.capability_cache import CapabilityReader
from api_service.fleet.fleet_queries import servers_as_seen, usable_servers
from shared.fleet.servers import GETS_JOBS, SERVER_SEEN, ServerState
from shared.jobs.claim.free_server import read_backlog
from shared.messaging.messenger import Messenger
from tests.jobs import SERVER, answering, submitted

NOW = datetime.now(UTC)
LATER, BEFORE = NOW + timedelta(hours=1), NOW - timedelta(seconds=1)
STATES = {
    "up": ({}, ServerState.UP),
    "does not answer": ({"unreachable_since": NOW}, ServerState.UNREACHABLE),
    "never seen": ({"last_seen_at": None}, ServerState.UNREACHABLE),
    "not seen lately": ({"last_seen_at": NOW - SERVER_SEEN}, ServerState.UNREACHABLE),
    "wedged": ({"wedged_since": NOW}, ServerState.WEDGED),
    "draining": ({"draining_since": NOW}, ServerState.DRAINING),
    "breaker open": ({"opened_at": NOW, "open_until": LATER}, ServerState.OPEN),
    "breaker half open": ({"opened_at": NOW, "open_until": BEFORE}, ServerState.HALF_OPEN),
    "breaker open for no time": ({"opened_at": NOW, "open_until": None}, ServerState.HALF_OPEN),
}


def is_claimed(session: Session) -> bool:
    return read_backlog(session, [SERVER], None).server is not None


@pytest.mark.parametrize(("columns", "state"), STATES.values(), ids=STATES)
def test_all_agree_whether_a_server_is_usable(
    messenger: Messenger, columns: dict[str, datetime | None], state: ServerState
) -> None:
    answering(messenger, SERVER, **columns)
    submitted(messenger)
    (view,) = servers_as_seen(messenger.engine).items
    assert view.state is state
    with messenger.transaction() as session:
        claimed = is_claimed(session)
    # The cache does not list servers that nobody has seen for a week.
    known = CapabilityReader(messenger.engine).current().servers
    cached = any(server.is_usable for server in known)
    assert (claimed, cached, usable_servers(messenger.engine)) == (state in GETS_JOBS, claimed, (int(claimed), 1))
