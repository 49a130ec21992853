"""Jobs go where fewer prompts wait and where something moves; and one that waits in vain goes to an idle server."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import Session

from shared.jobs import lifecycle
from shared.jobs.attempts import EndedAttempt, ServerDeaths, server_deaths
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.claim.moving import idle_server, move
from shared.jobs.errors import CancelRequested, GenerationError, LeaseLost, PromptLost, ServerWedged
from shared.messaging.messenger import Messenger
from shared.models import JobAttempt, ServerCapabilities
from tests import jobs
from tests.jobs import ANOTHER, SERVER, answering, claimed, running, submitted

NOW = datetime.now(UTC)


def moved(messenger: Messenger, claim: Claim) -> str | None:
    with messenger.transaction() as session:
        there = move(session, claim.lease, [ANOTHER], str(uuid4()))
    return there.server if there else None


@pytest.mark.parametrize(
    ("here", "there", "chosen"),
    [
        ({"foreign_prompts": 6}, {}, ANOTHER),
        ({}, {"foreign_prompts": 6}, SERVER),
        ({"foreign_prompts": 2}, {"foreign_prompts": 1}, ANOTHER),
        ({"foreign_prompts": 1, "stuck_since": NOW}, {"foreign_prompts": 5}, ANOTHER),
        ({"foreign_prompts": 1, "stuck_since": NOW}, {"stuck_since": NOW, "foreign_prompts": 5}, SERVER),
        ({"foreign_prompts": 1, "stuck_since": NOW}, {"wedged_since": NOW}, SERVER),
        ({"foreign_prompts": 1, "stuck_since": NOW}, {"slots": 0}, None),  # it is full, and it moves
        ({"unfit_since": NOW}, {"unfit_since": NOW}, None),
    ],
)
def test_a_job_goes_where_the_least_waits_and_something_moves(
    messenger: Messenger, here: dict[str, Any], there: dict[str, Any], chosen: str | None
) -> None:
    answering(messenger, SERVER, **here)
    answering(messenger, ANOTHER, **there)
    submitted(messenger)
    claim = claimed(messenger, SERVER, ANOTHER)
    assert (claim.prompt.server if claim else None) == chosen


def test_a_job_that_waits_goes_to_an_idle_server_under_the_same_lease(messenger: Messenger) -> None:
    claim = running(messenger)
    answering(messenger, ANOTHER)
    assert moved(messenger, claim) == ANOTHER
    job, (attempt,) = jobs.job(messenger, claim.job.id), jobs.attempts(messenger, claim.job.id)
    assert (job.server, job.attempt, job.retries) == (ANOTHER, 1, 0)
    assert (attempt.server, attempt.comfyui_prompt_id) == (ANOTHER, job.comfyui_prompt_id)
    assert job.comfyui_prompt_id != claim.prompt.id
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [jobs.output(claim)])


@pytest.mark.parametrize(
    "values",
    [
        {"foreign_prompts": 1},
        {"stuck_since": NOW},
        {"wedged_since": NOW},
        {"unfit_since": NOW},
        {"draining_since": NOW},
    ],
)
def test_a_server_that_is_used_or_not_well_is_not_idle(messenger: Messenger, values: dict[str, Any]) -> None:
    claim = running(messenger)
    answering(messenger, ANOTHER, **values)
    assert moved(messenger, claim) is None


def test_a_server_that_holds_a_job_is_not_idle(messenger: Messenger) -> None:
    answering(messenger, ANOTHER)
    submitted(messenger)
    assert claimed(messenger, ANOTHER) is not None
    assert moved(messenger, running(messenger)) is None


def test_a_server_that_cannot_run_the_job_is_none_for_it(messenger: Messenger) -> None:
    claim = running(messenger)
    answering(messenger, ANOTHER)
    lacks = [f"ckpt_name={claim.job.checkpoint_model}"]
    with messenger.transaction() as session:
        session.add(ServerCapabilities(server=ANOTHER, digest="0", lacks=lacks, object_info={}))
    with messenger.transaction() as session:
        assert idle_server(session, claim.job.id, [ANOTHER]) is None


def test_a_job_that_was_cancelled_or_lost_is_not_moved(messenger: Messenger) -> None:
    claim = running(messenger)
    answering(messenger, ANOTHER)
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)
    with pytest.raises(CancelRequested):
        moved(messenger, claim)
    with pytest.raises(LeaseLost), messenger.transaction() as session:
        move(session, claim.lease._replace(attempt=7), [ANOTHER], "p")


def test_two_jobs_do_not_take_the_same_idle_server(messenger: Messenger) -> None:
    one, two = running(messenger), running(messenger)
    answering(messenger, ANOTHER)
    with messenger.transaction() as first, messenger.transaction() as second:
        assert taken(first, one) == ANOTHER
        assert taken(second, two) is None


def taken(session: Session, claim: Claim) -> str | None:
    there = move(session, claim.lease, [ANOTHER], str(uuid4()))
    return there.server if there else None


def test_the_servers_that_died_under_a_job_are_counted_and_no_others(messenger: Messenger) -> None:
    failures: list[GenerationError] = [
        ServerWedged(SERVER, was_running=True),
        ServerWedged(SERVER),
        PromptLost(SERVER, "p", was_running=True),
        PromptLost(SERVER, "p"),
        PromptLost(SERVER, "p", was_running=True, was_wedged=True),  # restarted for its wedge
        PromptLost(SERVER, "p", was_wedged=True),
    ]
    facts: dict[str, Any] = {"job_id": 1, "worker_id": "w", "server": SERVER, "comfyui_prompt_id": "p"}
    ended = [
        EndedAttempt(JobAttempt(**facts, attempt=1, error_code=error.code, error_details=dict(error.details)), True)
        for error in failures
    ]
    assert server_deaths(ended) == ServerDeaths(wedged=2, lost=1)
