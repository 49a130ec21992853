"""A worker takes the best job for a server with a free slot, and holds it for as long as it renews its lease."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from shared.fleet.servers import SERVER_SEEN
from shared.jobs.attempts import Lease, Prompt
from shared.jobs.cancel import cancel_one
from shared.jobs.claim import claims
from shared.jobs.errors import PromptLost
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, EventType, GenerationJob, JobStatus
from tests.jobs import (
    ANOTHER,
    LEASE,
    SERVER,
    answering,
    attempts,
    claimant,
    claimed,
    events,
    job,
    running,
    silence,
    submitted,
)

LOST = PromptLost("gpu", "p")


def starting(messenger: Messenger, job_id: int, after: timedelta) -> None:
    with messenger.transaction() as session:
        statement = update(GenerationJob).where(col(GenerationJob.id) == job_id)
        session.exec(statement.values(run_after=datetime.now(UTC) + after))


def test_the_oldest_job_is_taken_first(messenger: Messenger) -> None:
    answering(messenger)
    first, second = submitted(messenger), submitted(messenger)
    taken = [claim.job.id for claim in (claimed(messenger), claimed(messenger)) if claim]
    assert taken == [first, second]


def test_a_claim_says_where_and_under_which_id_to_send_the_prompt(messenger: Messenger) -> None:
    claim = running(messenger)
    (attempt,) = attempts(messenger, claim.job.id)
    assert claim.job.status is JobStatus.RUNNING
    assert claim.lease == Lease(claim.job.id, 1)
    assert claim.prompt == Prompt(SERVER, claim.job.comfyui_prompt_id or "")
    assert (attempt.server, attempt.comfyui_prompt_id) == claim.prompt
    assert (attempt.worker_id, attempt.message_id, attempt.adopted) == ("worker-1", "message-1", False)
    assert (claim.doubt, claim.deaths) == (None, 0)
    assert events(messenger, claim.job.id)[-1].type is EventType.STARTED


def test_nothing_is_claimed_where_nothing_waits(messenger: Messenger) -> None:
    answering(messenger)
    assert claimed(messenger) is None


def test_a_job_whose_time_has_not_come_is_left(messenger: Messenger) -> None:
    answering(messenger)
    later, now = submitted(messenger), submitted(messenger)
    starting(messenger, later, timedelta(hours=1))
    claim = claimed(messenger)
    assert claim is not None
    assert claim.job.id == now
    assert claimed(messenger) is None


def test_a_job_of_the_old_system_is_never_started_by_itself(messenger: Messenger) -> None:
    answering(messenger)
    job_id = submitted(messenger)
    with messenger.transaction() as session:
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(run_after=None))
    assert claimed(messenger) is None


def test_a_server_gets_no_more_jobs_than_it_has_slots(messenger: Messenger) -> None:
    answering(messenger, slots=2)
    for _ in range(3):
        submitted(messenger)
    assert [claimed(messenger) is not None for _ in range(3)] == [True, True, False]


def test_the_server_with_the_fewest_jobs_is_chosen(messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER)
    for _ in range(4):
        submitted(messenger)
    servers = [claim.prompt.server for _ in range(4) if (claim := claimed(messenger, SERVER, ANOTHER))]
    assert sorted(servers) == [ANOTHER, ANOTHER, SERVER, SERVER]
    assert servers[0] != servers[1]


@pytest.mark.parametrize(
    "seen",
    [
        {"unreachable_since": datetime.now(UTC)},
        {"last_seen_at": datetime.now(UTC) - SERVER_SEEN - timedelta(seconds=1)},
        {"last_seen_at": None},
    ],
)
def test_a_server_that_does_not_answer_gets_no_job(messenger: Messenger, seen: dict[str, datetime | None]) -> None:
    answering(messenger)
    with messenger.transaction() as session:
        session.exec(update(ComfyUIServer).values(**seen))
    submitted(messenger)
    assert claimed(messenger) is None


def test_a_worker_claims_only_for_servers_it_can_reach(messenger: Messenger) -> None:
    answering(messenger, SERVER)
    submitted(messenger)
    assert claimed(messenger, ANOTHER) is None


def test_sixteen_workers_at_once_take_each_job_once_and_fill_no_slot_twice(messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER, slots=4)
    for _ in range(20):
        submitted(messenger)
    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(lambda n: claimed(messenger, SERVER, ANOTHER, worker=f"worker-{n}"), range(16)))
    taken = [claim for claim in found if claim]
    servers = [claim.prompt.server for claim in taken]
    assert len({claim.job.id for claim in taken}) == len(taken) == 8
    assert servers.count(SERVER) == servers.count(ANOTHER) == 4


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_a_lease_lasts_as_long_as_its_worker_says(messenger: Messenger, is_taken_over: bool) -> None:
    answering(messenger)
    job_id = submitted(messenger)
    if is_taken_over:
        assert claimed(messenger)
        silence(messenger, job_id)
    with messenger.transaction() as session:
        assert claims.claim(session, claimant()._replace(lease=timedelta(hours=1)))
    expires_at = job(messenger, job_id).lease_expires_at
    assert expires_at is not None
    assert timedelta(minutes=55) < expires_at - datetime.now(UTC) <= timedelta(hours=1)


def test_a_lease_lasts_as_long_as_it_is_renewed(messenger: Messenger) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id, seconds=-1)
    with messenger.transaction() as session:
        assert claims.renew(session, [claim.lease], LEASE) == {claim.lease: JobStatus.RUNNING}
    renewed = job(messenger, claim.job.id).lease_expires_at
    assert renewed is not None
    assert renewed > datetime.now(UTC) + LEASE - timedelta(seconds=10)
    assert claimed(messenger, worker="worker-2") is None


def test_renewing_tells_what_is_being_cancelled_and_what_is_lost(messenger: Messenger) -> None:
    kept, cancelled = running(messenger), running(messenger)
    gone = Lease(kept.job.id, 99)
    with messenger.transaction() as session:
        cancel_one(session, cancelled.job.id)
    with messenger.transaction() as session:
        found = claims.renew(session, [kept.lease, cancelled.lease, gone], LEASE)
    assert found == {kept.lease: JobStatus.RUNNING, cancelled.lease: JobStatus.CANCELLING}


def test_renewing_nothing_asks_nothing(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        assert claims.renew(session, [], LEASE) == {}
