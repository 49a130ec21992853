"""A job that asks for labels runs on servers that have all of them, and of free servers the fastest is taken."""

import pytest

from shared.jobs.claim.moving import idle_server
from shared.messaging.messenger import Messenger
from tests.jobs import ANOTHER, SERVER, answering, claimed, submitted


@pytest.mark.parametrize(
    ("requires", "server"),
    [(None, ANOTHER), (["a100"], ANOTHER), (["a100", "fast"], ANOTHER), (["a100", "slow"], None), (["h100"], None)],
)
def test_a_server_that_has_every_label_gets_the_job(
    messenger: Messenger, requires: list[str] | None, server: str | None
) -> None:
    answering(messenger, SERVER, labels=["slow"])
    answering(messenger, ANOTHER, labels=["a100", "fast"])
    submitted(messenger, requires=requires)
    claim = claimed(messenger, SERVER, ANOTHER)
    assert (claim.prompt.server if claim else None) == server


def test_jobs_behind_one_whose_servers_are_busy_go_on(messenger: Messenger) -> None:
    answering(messenger, SERVER)
    submitted(messenger, requires=["a100"])
    behind = submitted(messenger)
    claim = claimed(messenger)
    assert claim is not None
    assert claim.job.id == behind
    assert claimed(messenger) is None


def test_a_job_is_not_moved_to_a_server_without_its_labels(messenger: Messenger) -> None:
    answering(messenger, SERVER)
    answering(messenger, ANOTHER, labels=["a100"])
    labelled, other = submitted(messenger, requires=["a100"]), submitted(messenger)
    with messenger.transaction() as session:
        assert idle_server(session, labelled, [SERVER]) is None
        assert idle_server(session, labelled, [SERVER, ANOTHER]) == ANOTHER
        assert idle_server(session, other, [SERVER]) == SERVER


@pytest.mark.parametrize(
    ("here", "there", "chosen"),
    [
        ((1.0, 0), (2.0, 0), ANOTHER),  # both are idle
        ((1.0, 0), (9.0, 1), SERVER),  # an idle one goes first
        ((1.0, 1), (2.0, 2), ANOTHER),  # three at twice the speed end before two
        ((1.0, 1), (2.0, 3), ANOTHER),  # a tie goes by name
        ((1.0, 1), (2.0, 4), SERVER),
    ],
)
def test_the_server_where_a_job_ends_first_is_chosen(
    messenger: Messenger, here: tuple[float, int], there: tuple[float, int], chosen: str
) -> None:
    for name, (weight, prompts) in ((SERVER, here), (ANOTHER, there)):
        answering(messenger, name, weight=weight, foreign_prompts=prompts)
    submitted(messenger)
    claim = claimed(messenger, SERVER, ANOTHER)
    assert claim is not None
    assert claim.prompt.server == chosen
