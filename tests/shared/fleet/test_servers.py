"""What a server's row says: a breaker opens and closes, and a server that is drained, wedged or gone gets no job."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from shared.fleet import servers
from shared.fleet.servers import FAILURES, OPEN_FOR, WINDOW, ServerState
from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed, PromptLost, StorageUnavailable, Transient
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, GenerationJob, JobAttempt, JobStatus, Outcome
from tests.jobs import ANOTHER, SERVER, answering, claimed, job, submitted

LOST, NOT_STORED = PromptLost(SERVER, "p"), StorageUnavailable("a", "full")
BLAMED = {"prompt_lost"}
NOW = datetime.now(UTC)


def failing(messenger: Messenger, error: Transient = LOST, times: int = FAILURES) -> list[int]:
    """So many jobs fail one after another, and wait to be tried again."""
    failed = []
    for _ in range(times):
        submitted(messenger)
        claim = claimed(messenger)
        assert claim is not None
        with messenger.transaction() as session:
            lifecycle.retry(session, claim.lease, error, Outcome.RETRIED, timedelta(hours=1))
            if error.code in BLAMED:
                servers.blame(session, SERVER, BLAMED)
        failed.append(claim.job.id)
    return failed


def passes(messenger: Messenger, time: timedelta) -> None:
    """So much time passes for the breaker and what it looks at."""
    with messenger.transaction() as session:
        session.exec(update(JobAttempt).values(ended_at=col(JobAttempt.ended_at) - time))
        opened = {name: getattr(ComfyUIServer, name) - time for name in ("opened_at", "open_until")}
        session.exec(update(ComfyUIServer).values(**opened))


def state(messenger: Messenger, name: str = SERVER) -> ServerState:
    with messenger.transaction() as session:
        return servers.server_states(session)[name]


def test_it_opens_after_so_many_failures_and_jobs_wait(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger, times=FAILURES - 1)
    assert state(messenger) is ServerState.UP
    failing(messenger, times=1)
    assert state(messenger) is ServerState.OPEN
    job_id = submitted(messenger)
    assert claimed(messenger) is None
    waits = job(messenger, job_id)
    assert (waits.status, waits.attempt, waits.retries) == (JobStatus.QUEUED, 0, 0), "waiting costs no attempt"


def test_failures_that_are_long_past_do_not_count(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger, times=FAILURES - 1)
    passes(messenger, WINDOW)
    failing(messenger, times=FAILURES - 1)
    assert state(messenger) is ServerState.UP


def test_failures_that_are_not_the_servers_do_not_count(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger, NOT_STORED, times=FAILURES + 1)
    failing(messenger, LOST, times=1)
    assert state(messenger) is ServerState.UP


def test_failures_on_one_server_do_not_open_another(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger)
    answering(messenger, ANOTHER)
    submitted(messenger)
    claim = claimed(messenger, SERVER, ANOTHER)
    assert claim is not None
    assert claim.prompt.server == ANOTHER


def test_after_a_while_it_is_tried_with_one_job(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger)
    passes(messenger, OPEN_FOR)
    assert state(messenger) is ServerState.HALF_OPEN
    for _ in range(2):
        submitted(messenger)
    assert claimed(messenger) is not None
    assert claimed(messenger) is None


@pytest.mark.parametrize("end", ["completed", "failed by its own fault"])
def test_a_probe_that_the_server_brings_to_an_end_closes_it(messenger: Messenger, end: str) -> None:
    answering(messenger)
    failing(messenger)
    passes(messenger, OPEN_FOR)
    for _ in range(3):
        submitted(messenger)
    probe = claimed(messenger)
    assert probe is not None
    with messenger.transaction() as session:
        if end == "completed":
            lifecycle.complete(session, probe.lease, [])
        else:
            lifecycle.fail(session, probe.lease, NodeFailed("9", "SaveImage", "ValueError", "no"))
            servers.close_breaker(session, SERVER)
    assert state(messenger) is ServerState.UP
    assert [claimed(messenger) is not None for _ in range(2)] == [True, True]


def test_a_probe_that_fails_opens_it_again(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger)
    passes(messenger, WINDOW)
    failing(messenger, times=1)
    assert state(messenger) is ServerState.OPEN


def test_a_probe_whose_worker_dies_is_adopted_and_still_the_only_one(messenger: Messenger) -> None:
    answering(messenger)
    failing(messenger)
    passes(messenger, OPEN_FOR)
    for _ in range(2):
        submitted(messenger)
    probe = claimed(messenger)
    assert probe is not None
    with messenger.transaction() as session:
        lifecycle.release(session, probe.lease)
    heir = claimed(messenger)
    assert heir is not None
    assert heir.job.id == probe.job.id
    assert claimed(messenger) is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ServerState.UP),
        ({"last_seen_at": None}, ServerState.UNREACHABLE),
        ({"last_seen_at": NOW - timedelta(minutes=1)}, ServerState.UNREACHABLE),
        ({"unreachable_since": NOW, "wedged_since": NOW, "draining_since": NOW}, ServerState.UNREACHABLE),
        ({"wedged_since": NOW, "draining_since": NOW}, ServerState.WEDGED),
        ({"draining_since": NOW, "opened_at": NOW}, ServerState.DRAINING),
        ({"opened_at": NOW, "open_until": NOW + timedelta(hours=1)}, ServerState.OPEN),
        ({"opened_at": NOW, "open_until": NOW - timedelta(seconds=1)}, ServerState.HALF_OPEN),
    ],
)
def test_a_server_has_one_state_and_only_some_get_jobs(
    messenger: Messenger, facts: dict[str, datetime | None], expected: ServerState
) -> None:
    answering(messenger, **facts)
    submitted(messenger)
    assert state(messenger) is expected
    given = {ServerState.UP: 2, ServerState.HALF_OPEN: 1}.get(expected, 0)
    with messenger.transaction() as session:
        assert servers.free_slots(session) == given
    assert (claimed(messenger) is not None) is bool(given)


def test_a_drained_server_finishes_what_it_has_and_gets_nothing_until_it_is_resumed(messenger: Messenger) -> None:
    answering(messenger)
    first, second = submitted(messenger), submitted(messenger)
    claim = claimed(messenger)
    assert claim is not None
    for _ in range(2):
        with messenger.transaction() as session:
            assert servers.drain(session, SERVER) is not None
    assert claimed(messenger) is None
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [])
    assert job(messenger, first).status is JobStatus.COMPLETED
    with messenger.transaction() as session:
        servers.resume(session, SERVER)
    again = claimed(messenger)
    assert again is not None
    assert again.job.id == second


def test_what_nobody_has_seen_cannot_be_drained(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        assert servers.drain(session, "http://nowhere") is None
        assert servers.resume(session, "http://nowhere") is None


def test_free_slots_of_one_server_do_not_make_up_for_another_that_holds_too_many(messenger: Messenger) -> None:
    answering(messenger, slots=3)
    for _ in range(3):
        submitted(messenger)
        assert claimed(messenger) is not None
    answering(messenger, SERVER, slots=1)
    answering(messenger, ANOTHER, slots=2)
    with messenger.transaction() as session:
        assert servers.free_slots(session) == 2
        session.exec(update(GenerationJob).where(col(GenerationJob.server) == SERVER).values(server=ANOTHER))
    with messenger.transaction() as session:
        assert servers.free_slots(session) == 1
