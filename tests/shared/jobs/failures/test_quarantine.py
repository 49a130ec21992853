"""Which failures put a workflow in quarantine, and which do not."""

import pytest

from shared.jobs import lifecycle
from shared.jobs.errors import (
    ComfyUIUnreachable,
    GenerationError,
    NodeFailed,
    OutOfMemory,
    PromptLost,
    ServerWedged,
    Stalled,
    TimedOut,
    WorkflowRejected,
)
from shared.jobs.failures.quarantine import is_harmful, why
from shared.messaging.messenger import Messenger
from tests.jobs import ANOTHER_USER, USER, claimed_again, output
from tests.quarantine import FINGERPRINT, SERVERS, strike, suspect, taken


@pytest.mark.parametrize(
    ("error", "harmful"),
    [
        (OutOfMemory("3", "KSampler", "torch.OutOfMemoryError", "full"), True),
        (Stalled("gpu", 600), True),
        (PromptLost("gpu", "p", was_running=True), True),
        (PromptLost("gpu", "p"), False),
        (ServerWedged("gpu", was_running=True), True),
        (ServerWedged("gpu"), False),
        (ComfyUIUnreachable("gpu", "silence"), False),
        (NodeFailed("3", "KSampler", "ValueError", "no"), False),
        (WorkflowRejected("no"), False),
        (TimedOut(1500), False),
    ],
)
def test_what_harms_servers_speaks_against_a_workflow(error: GenerationError, harmful: bool) -> None:
    assert is_harmful(error) == harmful


def test_a_workflow_that_took_down_three_servers_in_a_row_is_put_in_quarantine(messenger: Messenger) -> None:
    owners = (USER, ANOTHER_USER, USER)
    struck = [
        strike(messenger, taken(messenger, server, user_id=owner))
        for server, owner in zip(SERVERS, owners, strict=False)
    ]
    assert struck == [False, False, True]
    found = suspect(messenger)
    assert found is not None
    assert found.quarantined_at == found.last_at
    assert (found.strikes, found.servers, found.user_ids) == (3, SERVERS[:3], [USER, ANOTHER_USER])
    assert "3 attempts in a row ended with prompt_lost, on 3 servers" in why(found)


def test_a_server_counts_once_where_there_are_enough_of_them(messenger: Messenger) -> None:
    claims = [taken(messenger, server) for server in SERVERS[1:3]]
    for claim in claims:
        with messenger.transaction() as session:
            lifecycle.release(session, claim.lease)  # those servers are there, and have nothing to do with it
    assert not any(strike(messenger, taken(messenger, SERVERS[0])) for _ in range(5))


def test_attempts_count_where_there_are_fewer_servers(messenger: Messenger) -> None:
    assert [strike(messenger, taken(messenger, SERVERS[0])) for _ in range(3)] == [False, False, True]
    found = suspect(messenger)
    assert found is not None
    assert "all on one server" in why(found)


def test_servers_that_end_at_once_count_once(messenger: Messenger) -> None:
    claims = [taken(messenger, server) for server in SERVERS[:4]]
    assert not any(strike(messenger, claim) for claim in claims)
    found = suspect(messenger)
    assert found is not None
    assert found.servers == SERVERS[:1]


def test_a_job_that_completes_begins_the_count_anew(messenger: Messenger) -> None:
    for server in SERVERS[:2]:
        strike(messenger, taken(messenger, server))
    good = taken(messenger, SERVERS[2])
    with messenger.transaction() as session:
        lifecycle.complete(session, good.lease, [output(good)])
    assert not strike(messenger, taken(messenger, SERVERS[2]))
    found = suspect(messenger)
    assert found is not None
    assert (found.strikes, found.servers) == (1, SERVERS[2:3])


def test_another_way_of_failing_begins_the_count_anew(messenger: Messenger) -> None:
    for server in SERVERS[:2]:
        strike(messenger, taken(messenger, server))
    assert not strike(messenger, taken(messenger, SERVERS[2]), Stalled(SERVERS[2], 600))


@pytest.mark.parametrize(("fingerprint", "after"), [(None, 3), (FINGERPRINT, None)])
def test_nothing_is_counted_where_it_is_off_or_the_workflow_is_not_known(
    messenger: Messenger, fingerprint: str | None, after: int | None
) -> None:
    for server in SERVERS:
        assert not strike(messenger, taken(messenger, server, workflow_key=fingerprint), after=after)
    assert suspect(messenger) is None


def test_a_claim_says_that_the_workflow_is_in_quarantine(messenger: Messenger) -> None:
    before = taken(messenger, SERVERS[3])
    for server in SERVERS[:3]:
        strike(messenger, taken(messenger, server))
    assert not before.is_quarantined
    assert taken(messenger, SERVERS[3]).is_quarantined
    assert not taken(messenger, SERVERS[4], workflow_key="00000000000000bb").is_quarantined


def test_a_job_that_is_put_back_is_known_to_be_in_quarantine_too(messenger: Messenger) -> None:
    for server in SERVERS[:3]:
        strike(messenger, taken(messenger, server))
    claim = taken(messenger, "http://gpu:8188")
    assert claimed_again(messenger, claim).is_quarantined
