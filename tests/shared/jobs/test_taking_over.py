"""What a worker leaves behind is taken over with its prompt, by one worker; a doubt lasts until somebody has looked."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import select

from shared.files.folders import attempt_folder
from shared.jobs import lifecycle
from shared.jobs.attempts import Lease, Prompt
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.conditions import OUT_OF_REACH
from shared.jobs.errors import LeaseLost, PromptLost
from shared.messaging.messenger import Messenger
from shared.models import DiscardedFolder, JobStatus, Outcome
from tests.jobs import (
    ANOTHER,
    answering,
    attempts,
    claimant,
    claimed,
    claimed_again,
    events,
    job,
    running,
    silence,
)

LOST = PromptLost("gpu", "p")


def test_a_job_whose_worker_fell_silent_is_adopted_with_its_prompt(messenger: Messenger) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id)
    heir = claimed(messenger, worker="worker-2")
    assert heir is not None
    assert heir.prompt == heir.doubt == claim.prompt
    assert heir.lease == Lease(claim.job.id, 2)
    assert heir.deaths == 1
    first, second = attempts(messenger, claim.job.id)
    assert (first.outcome, second.outcome) == (Outcome.EXPIRED, None)
    assert second.adopted
    assert len(events(messenger, claim.job.id)) == 2, "watchers need not know"


def test_what_a_worker_that_fell_silent_has_stored_is_noted_and_what_comes_after_is_not(messenger: Messenger) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id)
    assert claimed(messenger)
    with messenger.transaction() as session:
        noted = session.exec(select(DiscardedFolder.folder)).all()
    assert noted == [attempt_folder(claim.job, 1)]


def test_a_released_job_is_adopted_at_once_and_is_nobodys_death(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.release(session, claim.lease)
    heir = claimed(messenger, worker="worker-2")
    assert heir is not None
    assert (heir.doubt, heir.deaths) == (claim.prompt, 0)
    assert attempts(messenger, claim.job.id)[0].outcome is Outcome.RELEASED


def test_adoption_needs_no_free_slot_for_the_prompt_has_one_already(messenger: Messenger) -> None:
    claim = running(messenger)
    answering(messenger, slots=1)
    silence(messenger, claim.job.id)
    assert claimed(messenger, worker="worker-2") is not None


def test_a_job_that_is_being_cancelled_is_adopted_too(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)
    silence(messenger, claim.job.id)
    heir = claimed(messenger, worker="worker-2")
    assert heir is not None
    assert heir.job.status is JobStatus.CANCELLING


def test_a_job_on_a_server_out_of_reach_is_adopted_after_a_while(messenger: Messenger) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id, seconds=1)
    assert claimed(messenger, ANOTHER) is None
    silence(messenger, claim.job.id, seconds=OUT_OF_REACH.total_seconds() + 1)
    assert claimed(messenger, ANOTHER) is not None


def test_many_heirs_at_once_adopt_a_job_once(messenger: Messenger) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id)
    with ThreadPoolExecutor(8) as workers:
        heirs = [heir for heir in workers.map(lambda n: claimed(messenger, worker=f"heir-{n}"), range(16)) if heir]
    assert [heir.lease for heir in heirs] == [Lease(claim.job.id, 2)]


def test_a_retried_job_gets_a_new_prompt_and_its_old_one_only_where_that_is_in_doubt(messenger: Messenger) -> None:
    for outcome in (Outcome.RETRIED, Outcome.IN_DOUBT):
        claim = running(messenger)
        again = claimed_again(messenger, claim, outcome)
        assert again.prompt.id != claim.prompt.id
        assert again.doubt == (claim.prompt if outcome.leaves_doubt else None)


def test_a_prompt_stays_in_doubt_until_somebody_has_looked_for_it(messenger: Messenger) -> None:
    first = claim = running(messenger)
    for _ in range(3):
        claim = claimed_again(messenger, claim, Outcome.IN_DOUBT)
        assert claim.doubt == first.prompt
    with messenger.transaction() as session:
        lifecycle.redirect(session, claim.lease, claim.prompt, adopted=False)
    last = claimed_again(messenger, claim, Outcome.IN_DOUBT)
    assert last.doubt == claim.prompt, "it was gone, and this one was sent"


def test_an_attempt_that_goes_on_with_another_prompt_says_so(messenger: Messenger) -> None:
    claim = running(messenger)
    other = Prompt(ANOTHER, "found there")
    with messenger.transaction() as session:
        lifecycle.redirect(session, claim.lease, other, adopted=True)
    found = job(messenger, claim.job.id)
    (attempt,) = attempts(messenger, claim.job.id)
    assert (found.server, found.comfyui_prompt_id) == (attempt.server, attempt.comfyui_prompt_id) == other
    assert attempt.adopted


def test_only_the_holder_of_the_lease_can_redirect(messenger: Messenger) -> None:
    claim = running(messenger)
    with pytest.raises(LeaseLost), messenger.transaction() as session:
        lifecycle.redirect(session, Lease(claim.job.id, 99), Prompt(ANOTHER, "x"), adopted=False)


def test_a_first_start_stays_the_start(messenger: Messenger) -> None:
    claim = running(messenger)
    again = claimed_again(messenger, claim)
    assert again.job.started_at == claim.job.started_at


def test_two_claimants_of_the_same_name_are_told_apart_by_attempt(messenger: Messenger) -> None:
    assert claimant(worker="x") == claimant(worker="x")
    claim = running(messenger)
    silence(messenger, claim.job.id)
    heir = claimed(messenger, worker="worker-1")
    assert heir is not None
    with pytest.raises(LeaseLost), messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [])
