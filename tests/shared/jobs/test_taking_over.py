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
from shared.messaging.after_commit import Outbox
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


def test_a_job_whose_worker_fell_silent_is_adopted_with_its_prompt(outbox: Outbox) -> None:
    claim = running(outbox)
    silence(outbox, claim.job.id)
    heir = claimed(outbox, worker="worker-2")
    assert heir is not None
    assert heir.prompt == heir.doubt == claim.prompt
    assert heir.lease == Lease(claim.job.id, 2)
    assert heir.deaths == 1
    first, second = attempts(outbox, claim.job.id)
    assert (first.outcome, second.outcome) == (Outcome.EXPIRED, None)
    assert second.adopted
    assert len(events(outbox, claim.job.id)) == 2, "watchers need not know"


def test_what_a_worker_that_fell_silent_has_stored_is_noted_and_what_comes_after_is_not(outbox: Outbox) -> None:
    claim = running(outbox)
    silence(outbox, claim.job.id)
    assert claimed(outbox)
    with outbox.transaction() as session:
        noted = session.exec(select(DiscardedFolder.folder)).all()
    assert noted == [attempt_folder(claim.job, 1)]


def test_a_released_job_is_adopted_at_once_and_is_nobodys_death(outbox: Outbox) -> None:
    claim = running(outbox)
    with outbox.transaction() as session:
        lifecycle.release(session, claim.lease)
    heir = claimed(outbox, worker="worker-2")
    assert heir is not None
    assert (heir.doubt, heir.deaths) == (claim.prompt, 0)
    assert attempts(outbox, claim.job.id)[0].outcome is Outcome.RELEASED


def test_adoption_needs_no_free_slot_for_the_prompt_has_one_already(outbox: Outbox) -> None:
    claim = running(outbox)
    answering(outbox, slots=1)
    silence(outbox, claim.job.id)
    assert claimed(outbox, worker="worker-2") is not None


def test_a_job_that_is_being_cancelled_is_adopted_too(outbox: Outbox) -> None:
    claim = running(outbox)
    with outbox.transaction() as session:
        cancel_one(session, claim.job.id)
    silence(outbox, claim.job.id)
    heir = claimed(outbox, worker="worker-2")
    assert heir is not None
    assert heir.job.status is JobStatus.CANCELLING


def test_a_job_on_a_server_out_of_reach_is_adopted_after_a_while(outbox: Outbox) -> None:
    claim = running(outbox)
    silence(outbox, claim.job.id, seconds=1)
    assert claimed(outbox, ANOTHER) is None
    silence(outbox, claim.job.id, seconds=OUT_OF_REACH.total_seconds() + 1)
    assert claimed(outbox, ANOTHER) is not None


def test_many_heirs_at_once_adopt_a_job_once(outbox: Outbox) -> None:
    claim = running(outbox)
    silence(outbox, claim.job.id)
    with ThreadPoolExecutor(8) as workers:
        heirs = [heir for heir in workers.map(lambda n: claimed(outbox, worker=f"heir-{n}"), range(16)) if heir]
    assert [heir.lease for heir in heirs] == [Lease(claim.job.id, 2)]


def test_a_retried_job_gets_a_new_prompt_and_its_old_one_only_where_that_is_in_doubt(outbox: Outbox) -> None:
    for outcome in (Outcome.RETRIED, Outcome.IN_DOUBT):
        claim = running(outbox)
        again = claimed_again(outbox, claim, outcome)
        assert again.prompt.id != claim.prompt.id
        assert again.doubt == (claim.prompt if outcome.leaves_doubt else None)


def test_a_prompt_stays_in_doubt_until_somebody_has_looked_for_it(outbox: Outbox) -> None:
    first = claim = running(outbox)
    for _ in range(3):
        claim = claimed_again(outbox, claim, Outcome.IN_DOUBT)
        assert claim.doubt == first.prompt
    with outbox.transaction() as session:
        lifecycle.redirect(session, claim.lease, claim.prompt, adopted=False)
    last = claimed_again(outbox, claim, Outcome.IN_DOUBT)
    assert last.doubt == claim.prompt, "it was gone, and this one was sent"


def test_an_attempt_that_goes_on_with_another_prompt_says_so(outbox: Outbox) -> None:
    claim = running(outbox)
    other = Prompt(ANOTHER, "found there")
    with outbox.transaction() as session:
        lifecycle.redirect(session, claim.lease, other, adopted=True)
    found = job(outbox, claim.job.id)
    (attempt,) = attempts(outbox, claim.job.id)
    assert (found.server, found.comfyui_prompt_id) == (attempt.server, attempt.comfyui_prompt_id) == other
    assert attempt.adopted


def test_only_the_holder_of_the_lease_can_redirect(outbox: Outbox) -> None:
    claim = running(outbox)
    with pytest.raises(LeaseLost), outbox.transaction() as session:
        lifecycle.redirect(session, Lease(claim.job.id, 99), Prompt(ANOTHER, "x"), adopted=False)


def test_a_first_start_stays_the_start(outbox: Outbox) -> None:
    claim = running(outbox)
    again = claimed_again(outbox, claim)
    assert again.job.started_at == claim.job.started_at


def test_two_claimants_of_the_same_name_are_told_apart_by_attempt(outbox: Outbox) -> None:
    assert claimant(worker="x") == claimant(worker="x")
    claim = running(outbox)
    silence(outbox, claim.job.id)
    heir = claimed(outbox, worker="worker-1")
    assert heir is not None
    with pytest.raises(LeaseLost), outbox.transaction() as session:
        lifecycle.complete(session, claim.lease, [])
