"""Which job goes to which server: urgency and age first, but where its checkpoint is loaded if that can be."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update
from sqlalchemy.dialects import postgresql
from sqlmodel import col

from shared.jobs import lifecycle
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claim
from shared.jobs.claim.conditions import AVOIDED_FOR, LOOK_AHEAD, WAITED_LONG
from shared.jobs.errors import OutOfMemory
from shared.messaging.messenger import Messenger
from shared.models import HELD, LIVE, WAITING, ComfyUIServer, GenerationJob, JobStatus, Outcome, User
from shared.models.jobs.job_indexes import INDEXES
from tests.jobs import ANOTHER, LEASE, SERVER, USER, answering, claimed, job, submitted

X, Y = "x.safetensors", "y.safetensors"
FULL = OutOfMemory("3", "KSampler", "torch.OutOfMemoryError", "full")
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def waiting(messenger: Messenger, *checkpoints: str, since: timedelta = timedelta(0), priority: int = 5) -> list[int]:
    """Jobs that could have been started so long ago."""
    found = [submitted(messenger, checkpoint_model=checkpoint, priority=priority) for checkpoint in checkpoints]
    with messenger.transaction() as session:
        among = col(GenerationJob.id).in_(found)
        session.exec(update(GenerationJob).where(among).values(run_after=datetime.now(UTC) - since))
    return found


def completed(messenger: Messenger, claim: Claim) -> None:
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [])


def taken_one_by_one(messenger: Messenger, count: int) -> list[Claim]:
    """A server with a single free slot works off so many jobs."""
    found = []
    for _ in range(count):
        claim = claimed(messenger)
        assert claim is not None
        completed(messenger, claim)
        found.append(claim)
    return found


def reloads(claims: Sequence[Claim]) -> int:
    return sum(a.job.checkpoint_model != b.job.checkpoint_model for a, b in pairwise(claims))


def row(messenger: Messenger, name: str = SERVER) -> ComfyUIServer:
    with messenger.transaction() as session:
        return session.get_one(ComfyUIServer, name)


def test_alternating_checkpoints_are_not_changed_at_each_job(messenger: Messenger) -> None:
    answering(messenger)
    waiting(messenger, *[X, Y] * 10)
    assert reloads(taken_one_by_one(messenger, 20)) == 1


def test_nor_are_they_once_the_whole_backlog_is_overdue(messenger: Messenger) -> None:
    answering(messenger)
    waiting(messenger, *[X, Y] * 10, since=timedelta(hours=1))
    assert reloads(taken_one_by_one(messenger, 20)) == 1


def test_an_overdue_job_changes_the_checkpoint_of_a_server_that_has_had_its_own_for_long_enough(
    messenger: Messenger,
) -> None:
    answering(messenger, loaded_checkpoint=X, loaded_since=LONG_AGO)
    waiting(messenger, Y, since=WAITED_LONG + timedelta(seconds=1))
    waiting(messenger, X)
    assert [claim.job.checkpoint_model for claim in taken_one_by_one(messenger, 2)] == [Y, X]


def test_a_job_that_is_not_overdue_waits_for_those_whose_checkpoint_is_loaded(messenger: Messenger) -> None:
    answering(messenger, loaded_checkpoint=X, loaded_since=LONG_AGO)
    waiting(messenger, Y, X, X)
    assert [claim.job.checkpoint_model for claim in taken_one_by_one(messenger, 3)] == [X, X, Y]


def test_a_more_urgent_job_is_taken_whatever_is_loaded(messenger: Messenger) -> None:
    answering(messenger, loaded_checkpoint=X, loaded_since=LONG_AGO)
    waiting(messenger, X)
    (urgent,) = waiting(messenger, Y, priority=6)
    assert taken_one_by_one(messenger, 1)[0].job.id == urgent


def test_what_is_loaded_is_looked_for_among_the_first_jobs_only(messenger: Messenger) -> None:
    answering(messenger, loaded_checkpoint=X, loaded_since=LONG_AGO)
    first, *_ = waiting(messenger, *[Y] * LOOK_AHEAD, X)
    assert taken_one_by_one(messenger, 1)[0].job.id == first


def test_of_idle_servers_the_one_that_has_the_checkpoint_is_chosen(messenger: Messenger) -> None:
    answering(messenger, SERVER, loaded_checkpoint=X, loaded_since=LONG_AGO)
    answering(messenger, ANOTHER, loaded_checkpoint=Y, loaded_since=LONG_AGO)
    waiting(messenger, X, Y, X, Y)
    found = [claimed(messenger, SERVER, ANOTHER) for _ in range(4)]
    assert [claim.prompt.server for claim in found if claim] == [SERVER, ANOTHER, SERVER, ANOTHER]


def test_an_idle_server_is_chosen_before_a_busy_one_that_has_the_checkpoint(messenger: Messenger) -> None:
    answering(messenger, SERVER, loaded_checkpoint=X, loaded_since=LONG_AGO)
    answering(messenger, ANOTHER)
    waiting(messenger, X, X)
    found = [claimed(messenger, SERVER, ANOTHER) for _ in range(2)]
    assert [claim.prompt.server for claim in found if claim] == [SERVER, ANOTHER]


def test_a_server_remembers_the_checkpoint_of_the_last_job_that_has_one(messenger: Messenger) -> None:
    answering(messenger)
    waiting(messenger, X, X)
    taken_one_by_one(messenger, 1)
    first = row(messenger)
    taken_one_by_one(messenger, 1)
    assert row(messenger).loaded_since == first.loaded_since, "since when, not the last job"
    submitted(messenger, checkpoint_model=None)
    taken_one_by_one(messenger, 1)
    assert row(messenger).loaded_checkpoint == first.loaded_checkpoint == X


def moved_away(messenger: Messenger) -> int:
    """A job that ran out of memory on SERVER and waits again."""
    claim = claimed(messenger)
    assert claim is not None
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, FULL, Outcome.RETRIED, timedelta(0))
        claims.avoid(session, claim.lease, SERVER)
    return claim.job.id


def test_a_job_that_was_moved_away_goes_to_another_server(messenger: Messenger) -> None:
    answering(messenger)
    submitted(messenger)
    job_id = moved_away(messenger)
    answering(messenger, ANOTHER)
    claim = claimed(messenger, SERVER, ANOTHER)
    assert claim is not None
    assert (claim.job.id, claim.prompt.server, claim.failures) == (job_id, ANOTHER, {"out_of_memory": 1})


def test_it_waits_while_the_other_is_full_but_not_for_ever(messenger: Messenger) -> None:
    answering(messenger)
    submitted(messenger)
    job_id = moved_away(messenger)
    answering(messenger, ANOTHER, slots=1)
    submitted(messenger, priority=9)
    assert claimed(messenger, ANOTHER) is not None
    assert claimed(messenger, SERVER, ANOTHER) is None
    with messenger.transaction() as session:
        since = datetime.now(UTC) - AVOIDED_FOR
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(run_after=since))
    claim = claimed(messenger, SERVER, ANOTHER)
    assert claim is not None
    assert claim.prompt.server == SERVER


def test_it_stays_where_there_is_no_other_server(messenger: Messenger) -> None:
    answering(messenger)
    submitted(messenger)
    moved_away(messenger)
    assert claimed(messenger) is not None
    answering(messenger, ANOTHER, draining_since=datetime.now(UTC))
    submitted(messenger)
    assert moved_away(messenger)
    assert claimed(messenger, SERVER, ANOTHER) is not None, "one that gets no jobs is none"


def test_a_claim_passes_over_a_server_that_another_claim_looks_at(messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER)
    for _ in range(2):
        submitted(messenger)
    with messenger.transaction() as session:
        first = session.get_one(ComfyUIServer, ANOTHER, with_for_update=True)
        claim = claimed(messenger, SERVER, ANOTHER)
        assert claim is not None
        assert claim.prompt.server != first.name


@pytest.mark.parametrize("where", ["setting", "row"])
def test_a_users_limit_holds_though_claims_come_at_once_for_different_servers(messenger: Messenger, where: str) -> None:
    names = [f"http://gpu-{number}:8188" for number in range(6)]
    answering(messenger, *names)
    for _ in range(12):
        submitted(messenger)
    if where == "row":
        with messenger.transaction() as session:
            session.get_one(User, USER).running_jobs_limit = 3

    def claim(number: int) -> Claim | None:
        with messenger.transaction() as session:
            limit = 3 if where == "setting" else None
            asks = claims.Claimant(f"worker-{number}", "message", names, LEASE, running_jobs=limit)
            return claims.claim(session, asks)

    with ThreadPoolExecutor(8) as workers:
        found = [got for got in workers.map(claim, range(12)) if got]
    assert len(found) == 3
    assert all(job(messenger, got.job.id).status is JobStatus.RUNNING for got in found)


@pytest.mark.parametrize(
    ("name", "statuses"), [("held", HELD), ("waiting", WAITING), ("deadline", WAITING), ("schedule_live", LIVE)]
)
def test_statuses_are_named_in_the_order_of_their_index(name: str, statuses: Sequence[JobStatus]) -> None:
    """In another order PostgreSQL takes them for a second condition, thinks that few jobs fulfil both, and reads all of
    another index to find these: claims took three times as long."""
    (index,) = (one for one in INDEXES if one.name == f"ix_generation_jobs_{name}")
    condition = col(GenerationJob.status).in_(statuses)
    words = condition.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    assert str(words).removeprefix("generation_jobs.") in str(index.dialect_options["postgresql"]["where"])
