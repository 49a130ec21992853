"""A job's status changes by the table of transitions, under its lease, and each change leaves its event."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from shared.jobs import before_start, lifecycle
from shared.jobs.attempts import Lease
from shared.jobs.cancel import cancel_one
from shared.jobs.errors import CancelRequested, LeaseLost, NodeFailed, PromptLost
from shared.jobs.lifecycle import AlreadySettled
from shared.jobs.transitions import TRANSITIONS
from shared.messaging.messenger import Messenger
from shared.models import FINAL, EventType, JobStatus, Outcome
from tests.jobs import attempts, claimed, claimed_again, events, job, output, running, silence, submitted

E = EventType
LOST = PromptLost("gpu", "p")
BROKEN = NodeFailed("3", "KSampler", "ValueError", "no")


def test_a_submitted_job_is_queued_and_may_start_at_once(messenger: Messenger) -> None:
    made = job(messenger, submitted(messenger))
    assert made.status is JobStatus.QUEUED
    assert made.run_after == made.created_at == made.updated_at
    assert [(event.sequence, event.type) for event in events(messenger, made.id)] == [(1, E.QUEUED)]


def test_a_completed_job_has_its_outputs_its_times_and_no_lease(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(
            session, claim.lease, [output(claim, 0), output(claim, 1, thumbnails={"150": {"path": "x"}})]
        )
    done = job(messenger, claim.job.id)
    assert done.status is JobStatus.COMPLETED
    assert done.lease_expires_at is None
    assert done.completed_at is not None
    assert done.started_at is not None
    assert done.completed_at >= done.started_at
    assert [attempt.outcome for attempt in attempts(messenger, done.id)] == [Outcome.COMPLETED]
    last = events(messenger, done.id)[-1]
    assert (last.type, last.sequence) == (E.COMPLETED, done.events)
    first, second = last.data["outputs"]
    assert first["url"] == f"/api/v1/generation-jobs/{done.id}/outputs/0"
    assert second["thumbnails"] == {"150": f"/api/v1/generation-jobs/{done.id}/thumbnails/1?size=150"}


def test_a_failed_job_says_why_in_its_row_its_attempt_and_its_event(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, BROKEN)
    failed = job(messenger, claim.job.id)
    (attempt,) = attempts(messenger, failed.id)
    assert failed.status is JobStatus.FAILED
    assert failed.error_code == attempt.error_code == "node_failed"
    assert failed.error_message == attempt.error_message == "node 3 (KSampler) failed: no"
    assert failed.error_details == {"node_id": "3", "node_type": "KSampler", "exception_type": "ValueError"}
    assert events(messenger, failed.id)[-1].data == {
        "code": "node_failed",
        "message": failed.error_message,
        "details": failed.error_details,
    }


def test_a_retried_job_is_queued_for_later_and_forgets_a_prompt_that_is_settled(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, LOST, Outcome.RETRIED, timedelta(minutes=1))
    again = job(messenger, claim.job.id)
    assert (again.status, again.retries, again.server, again.worker_id) == (JobStatus.QUEUED, 1, None, None)
    assert again.run_after is not None
    assert again.run_after - again.updated_at == timedelta(minutes=1)
    assert again.error_code is None, "it has not failed"
    data = events(messenger, again.id)[-1].data
    assert data["code"] == "prompt_lost"
    assert "T" in data["run_after"]
    assert datetime.fromisoformat(data["run_after"]) == again.run_after, "with its offset"


def test_a_retried_job_remembers_where_a_prompt_in_doubt_may_be(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, LOST, Outcome.IN_DOUBT, timedelta(0))
    again = job(messenger, claim.job.id)
    assert (again.server, again.comfyui_prompt_id) == claim.prompt


def test_a_job_whose_wake_up_was_not_sent_is_pending_until_it_is_woken(messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with messenger.transaction() as session:
        deferred = before_start.defer(session, job_id)
    assert deferred is not None
    assert deferred.status is JobStatus.PENDING
    with messenger.transaction() as session:
        before_start.wake(session, [job_id, job_id + 1])
    assert job(messenger, job_id).status is JobStatus.QUEUED
    assert [event.type for event in events(messenger, job_id)] == [E.QUEUED, E.QUEUED]


def test_a_job_that_a_worker_already_has_is_not_deferred(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        assert before_start.defer(session, claim.job.id) is None
    assert job(messenger, claim.job.id).status is JobStatus.RUNNING


def test_a_waiting_job_is_cancelled_at_once(messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with messenger.transaction() as session:
        cancelled = cancel_one(session, job_id)
    assert cancelled is not None
    assert cancelled.status is JobStatus.CANCELLED
    assert cancelled.completed_at is not None
    assert [event.type for event in events(messenger, job_id)] == [E.QUEUED, E.CANCELLED]


def test_a_running_job_is_cancelling_until_its_worker_says_that_the_prompt_is_gone(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        cancelling = cancel_one(session, claim.job.id)
    assert cancelling is not None
    assert cancelling.status is JobStatus.CANCELLING
    with messenger.transaction() as session:
        lifecycle.confirm_cancel(session, claim.lease)
    assert job(messenger, claim.job.id).status is JobStatus.CANCELLED
    assert [attempt.outcome for attempt in attempts(messenger, claim.job.id)] == [Outcome.CANCELLED]


def test_a_waiting_job_with_a_prompt_in_doubt_is_taken_over_to_be_cancelled(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, LOST, Outcome.IN_DOUBT, timedelta(hours=1))
    with messenger.transaction() as session:
        cancelling = cancel_one(session, claim.job.id)
    assert cancelling is not None
    assert cancelling.status is JobStatus.CANCELLING
    adopted = claimed(messenger, worker="worker-2")
    assert adopted is not None
    assert adopted.doubt == claim.prompt
    with messenger.transaction() as session:
        lifecycle.confirm_cancel(session, adopted.lease)
    assert job(messenger, claim.job.id).status is JobStatus.CANCELLED


def test_cancelling_twice_is_cancelling_once(messenger: Messenger) -> None:
    waiting, claim = submitted(messenger), running(messenger)
    for job_id in (waiting, claim.job.id):
        with messenger.transaction() as session:
            first = cancel_one(session, job_id)
        with messenger.transaction() as session:
            second = cancel_one(session, job_id)
        assert first is not None
        assert second is not None
        assert (first.status, first.events) == (second.status, second.events)


def test_a_job_that_is_not_there_is_not_cancelled(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        assert cancel_one(session, 1) is None


def test_a_job_that_has_ended_stays_as_it_ended(messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    with messenger.transaction() as session:
        found = cancel_one(session, claim.job.id)
    assert found is not None
    assert found.status is JobStatus.COMPLETED


DEEDS: dict[str, Callable[..., object]] = {
    "complete": lambda session, claim: lifecycle.complete(session, claim.lease, [output(claim)]),
    "fail": lambda session, claim: lifecycle.fail(session, claim.lease, BROKEN),
    "retry": lambda session, claim: lifecycle.retry(session, claim.lease, LOST, Outcome.RETRIED, timedelta(0)),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_worker_given_up_for_dead_changes_nothing(messenger: Messenger, deed: Callable[..., object]) -> None:
    claim = running(messenger)
    silence(messenger, claim.job.id)
    heir = claimed(messenger, worker="worker-2")
    assert heir is not None
    before = job(messenger, claim.job.id)
    with pytest.raises(LeaseLost), messenger.transaction() as session:
        deed(session, claim)
    with messenger.transaction() as session:
        lifecycle.release(session, claim.lease)
    after = job(messenger, claim.job.id)
    assert after.model_dump() == before.model_dump()
    assert attempts(messenger, claim.job.id)[-1].outcome is None


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_a_job_that_is_being_cancelled_can_only_become_cancelled(
    messenger: Messenger, deed: Callable[..., object]
) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)
    with pytest.raises(CancelRequested), messenger.transaction() as session:
        deed(session, claim)
    assert job(messenger, claim.job.id).status is JobStatus.CANCELLING


@pytest.mark.parametrize("deed", [DEEDS["complete"], DEEDS["fail"]], ids=["complete", "fail"])
def test_what_was_settled_already_is_known_as_such(messenger: Messenger, deed: Callable[..., object]) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        deed(session, claim)
    with pytest.raises(AlreadySettled), messenger.transaction() as session:
        deed(session, claim)


def test_a_transaction_that_fails_leaves_no_event_and_no_change(messenger: Messenger) -> None:
    claim = running(messenger)
    with pytest.raises(ZeroDivisionError), messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, BROKEN)
        raise ZeroDivisionError
    assert job(messenger, claim.job.id).status is JobStatus.RUNNING
    assert [event.type for event in events(messenger, claim.job.id)] == [E.QUEUED, E.STARTED]


def test_a_lease_on_no_job_is_lost(messenger: Messenger) -> None:
    with pytest.raises(LeaseLost), messenger.transaction() as session:
        lifecycle.fail(session, Lease(999, 1), BROKEN)


def test_no_transition_leaves_a_final_status() -> None:
    assert not [name for name, transition in TRANSITIONS.items() if FINAL.intersection(transition.sources)]


def test_every_status_can_be_reached_and_left_unless_it_is_final() -> None:
    reached = {transition.target for transition in TRANSITIONS.values()}
    left = {source for transition in TRANSITIONS.values() for source in transition.sources}
    assert reached == set(JobStatus)
    assert left == set(JobStatus) - FINAL


def test_the_events_of_a_job_are_numbered_without_a_gap(messenger: Messenger) -> None:
    claim = running(messenger)
    second = claimed_again(messenger, claim)
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)
    with messenger.transaction() as session:
        lifecycle.confirm_cancel(session, second.lease)
    numbers = [event.sequence for event in events(messenger, claim.job.id)]
    assert numbers[0] == 1
    assert all(later - earlier == 1 for earlier, later in pairwise(numbers))
    assert job(messenger, claim.job.id).events == numbers[-1] == 6
