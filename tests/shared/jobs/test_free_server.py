"""One look finds the first job and locks a server for it, unless there is something else to do or to lock first."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from shared.jobs import lifecycle
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claimant
from shared.jobs.claim.free_server import Backlog, read_backlog
from shared.jobs.errors import PromptLost
from shared.messaging.messenger import EVENTS, Messenger
from shared.models import Outcome, User
from tests.jobs import ANOTHER, LEASE, SERVER, USER, answering, claimant, claimed, running, silence, submitted
from tests.plans import recorded

# Rows of servers that somebody has locked are passed over.
UNLOCKED = text("SELECT name FROM comfyui_servers ORDER BY name FOR UPDATE SKIP LOCKED")


def seen(session: Session, limit: int | None = None) -> Backlog:
    return read_backlog(session, [SERVER, ANOTHER], limit)


def unlocked(messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.scalars(UNLOCKED))


def test_the_server_for_the_first_job_is_locked_by_the_look_and_no_other(messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER)
    answering(messenger, ANOTHER, loaded_checkpoint="x")
    first = submitted(messenger, checkpoint_model="x")
    with messenger.transaction() as session:
        found = seen(session)
        assert (found.first, found.checkpoint, found.server and found.server.name) == (first, "x", ANOTHER)
        assert unlocked(messenger) == [SERVER]


def test_one_that_another_claim_looks_at_is_passed_over(messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER)
    submitted(messenger)
    with messenger.transaction() as one, messenger.transaction() as two, messenger.transaction() as three:
        free = [seen(session).server for session in (one, two, three)]
    assert [server and server.name for server in free] == [ANOTHER, SERVER, None]


def test_a_server_whose_slots_are_filled_is_none(messenger: Messenger) -> None:
    running(messenger)
    answering(messenger, slots=1)
    submitted(messenger)
    with messenger.transaction() as session:
        assert seen(session).server is None


def test_nothing_is_locked_where_there_is_no_job(messenger: Messenger) -> None:
    answering(messenger)
    with messenger.transaction() as session:
        assert seen(session) == Backlog(
            is_abandoned=False, is_limited=False, are_parked=False, first=None, checkpoint=None, server=None
        )
        assert unlocked(messenger) == [SERVER]


def test_nor_before_a_job_is_taken_over(messenger: Messenger) -> None:
    silence(messenger, running(messenger).job.id)
    submitted(messenger)
    with messenger.transaction() as session:
        found = seen(session)
        assert (found.is_abandoned, found.server) == (True, None)


@pytest.mark.parametrize("where", ["setting", "user"])
def test_nor_before_those_who_count_have_their_lock(messenger: Messenger, where: str) -> None:
    answering(messenger)
    first = submitted(messenger)
    with messenger.transaction() as session:
        session.get_one(User, USER).running_jobs_limit = 3 if where == "user" else None
    with messenger.transaction() as session:
        found = seen(session, 3 if where == "setting" else None)
        assert (found.first, found.is_limited, found.server) == (first, True, None)
        assert unlocked(messenger) == [SERVER]
    with messenger.transaction() as session:
        claim = claims.claim(session, Claimant("worker-1", "message-1", [SERVER], LEASE, running_jobs=3))
        assert claim
        assert claim.job.id == first


def test_a_claim_is_two_statements(messenger: Messenger, engine: Engine) -> None:
    answering(messenger)
    submitted(messenger)
    submitted(messenger)
    claimed(messenger)  # this connection knows the statements now
    with engine.connect() as connection, Session(connection, info={EVENTS: []}) as session:
        claims.claim(session, claimant())
        session.rollback()
        with recorded(connection) as statements:
            assert claims.claim(session, claimant())
        session.rollback()
    assert [statement.split()[1] for statement, _ in statements] == ["look", "take"]


def test_the_next_server_is_tried_where_the_job_is_not_to_run_on_the_first(messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER)
    claim = running(messenger)
    with messenger.transaction() as session:
        claims.avoid(session, claim.lease, SERVER)
        lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta(0))
    with messenger.transaction() as session:
        server = seen(session).server
        assert server
        assert server.name == SERVER, "the look does not know yet which jobs can run there"
    again = claimed(messenger, SERVER, ANOTHER)
    assert again
    assert again.prompt.server == ANOTHER
