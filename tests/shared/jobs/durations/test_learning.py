"""Each job that completes is learned from, by its kind and its server, and new jobs cost what is expected of them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update
from sqlmodel import select

from shared.jobs import lifecycle
from shared.jobs.claim.claims import Claim
from shared.jobs.durations.known import expectation_of
from shared.jobs.durations.learning import KEPT
from shared.messaging.messenger import Messenger
from shared.models import JobAttempt, JobDuration
from tests.jobs import (
    ANOTHER,
    SERVER,
    answering,
    claimed,
    job,
    new_job,
    of_kind,
    output,
    remember,
    running,
    silence,
    submitted,
)


def complete(messenger: Messenger, claim: Claim, seconds: float) -> None:
    """It ends now, and began so long ago."""
    with messenger.transaction() as session:
        session.exec(update(JobAttempt).values(started_at=func.now() - timedelta(seconds=seconds)))
        lifecycle.complete(session, claim.lease, [output(claim)])


def known(messenger: Messenger) -> dict[tuple[str, str], list[float]]:
    with messenger.transaction() as session:
        rows = session.exec(select(JobDuration)).all()
        return {(row.workflow_key, row.server): [round(seconds, 3) for seconds in row.seconds] for row in rows}


def test_each_end_is_kept_by_kind_and_server_the_latest_first(messenger: Messenger) -> None:
    for kind, seconds in (("a", 5), ("a", 7), ("b", 9)):
        complete(messenger, running(messenger, **of_kind(kind)), seconds)
    submitted(messenger, **of_kind("a"))
    answering(messenger, ANOTHER)
    claim = claimed(messenger, ANOTHER)
    assert claim is not None
    complete(messenger, claim, 4)
    assert known(messenger) == {("a", SERVER): [7, 5], ("b", SERVER): [9], ("a", ANOTHER): [4]}


def test_the_oldest_is_forgotten(messenger: Messenger) -> None:
    remember(messenger, "a", *map(float, range(1, KEPT + 1)))
    complete(messenger, running(messenger, **of_kind("a")), 99)
    assert known(messenger)["a", SERVER] == [99.0, *map(float, range(1, KEPT))]


def test_what_was_taken_over_from_another_worker_says_nothing(messenger: Messenger) -> None:
    claim = running(messenger, **of_kind("a"))
    silence(messenger, claim.job.id)
    adopted = claimed(messenger)
    assert adopted is not None
    complete(messenger, adopted, 1)
    assert known(messenger) == {}


@pytest.mark.parametrize("values", [{}, {"workflow_key": "a"}, of_kind("a", work=0.0)])
def test_jobs_of_which_too_little_is_known_are_not_learned_from(messenger: Messenger, values: dict[str, str]) -> None:
    complete(messenger, running(messenger, **values), 1)
    assert known(messenger) == {}


@pytest.mark.parametrize(
    "values",
    [
        of_kind("a"),
        of_kind("other", shape="a", work=4e6),
        of_kind("other", checkpoint_model="c", work=5e5),
        of_kind("other", checkpoint_model="d", work=3e6),
    ],
    ids=["workflow", "shape", "checkpoint", "all"],
)
def test_a_turn_costs_the_p50_of_the_estimate(
    messenger: Messenger, values: dict[str, str], request: pytest.FixtureRequest
) -> None:
    remember(messenger, "a", 10.0, 3.0, 40.0, checkpoint_model="c")
    remember(messenger, "a", 6.0, server=ANOTHER, checkpoint_model="c")
    found = job(messenger, submitted(messenger, **values))
    with messenger.transaction() as session:
        expectation = expectation_of(session, new_job(**values))
    assert expectation is not None
    assert expectation.basis == request.node.callspec.id
    assert found.expected_s == pytest.approx(expectation.quantile(0.5))
    assert found.turn_cost == found.expected_s
