"""A batch is told of once, when all of it has ended, and by whichever channel its owner wants it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event

from shared.messaging.messenger import Messenger
from tests.jobs import answering, job, submitted
from tests.notifications import cancelled, completed_next, failed, let_pass, listens, told
from worker_service.scheduler.news import tell_of_batches

A_WHILE = timedelta(minutes=10)


def batch(messenger: Messenger, jobs: int) -> tuple[UUID, list[int]]:
    batch_id = uuid4()
    answering(messenger)
    return batch_id, [submitted(messenger, batch_id=batch_id) for _ in range(jobs)]


def test_a_batch_is_told_of_once_when_its_last_job_has_ended(messenger: Messenger) -> None:
    listens(messenger)
    batch_id, jobs = batch(messenger, 3)
    for _ in range(2):
        completed_next(messenger)
    assert tell_of_batches(messenger) == 0
    cancelled(messenger, jobs[2])
    assert tell_of_batches(messenger) == 0, "it was looked at just now"
    let_pass(messenger, A_WHILE)
    assert tell_of_batches(messenger) == 1
    let_pass(messenger, A_WHILE)
    assert tell_of_batches(messenger) == 0
    (only,) = told(messenger)
    assert (only.kind, only.batch_id, only.job_id) == ("batch_done", batch_id, None)
    assert only.data == {"jobs": 3, "completed": 2, "cancelled": 1, "failed": 0, "expired": 0}


@pytest.mark.parametrize(("wanted", "is_told"), [("batch_done", True), ("job_failed", True), ("job_completed", False)])
def test_who_wants_to_hear_of_failures_hears_of_a_batch_that_has_some(
    messenger: Messenger, wanted: str, is_told: bool
) -> None:
    listens(messenger, in_app=[wanted])
    failed(messenger, batch_id=uuid4())
    assert tell_of_batches(messenger) == is_told
    assert len(told(messenger)) == is_told


def test_batches_of_those_who_listen_to_nothing_are_not_noted(messenger: Messenger) -> None:
    listens(messenger, in_app=[])
    failed(messenger, batch_id=uuid4())
    assert tell_of_batches(messenger) == 0
    assert told(messenger) == []


def test_only_the_first_end_of_a_batch_notes_it(messenger: Messenger, engine: Engine) -> None:
    listens(messenger)
    batch(messenger, 3)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    for _ in range(3):
        completed_next(messenger)
    assert len([one for one in asked if "INSERT INTO notification_batches" in one]) == 1


def test_a_batch_goes_on_waiting_for_a_job_that_is_tried_again(messenger: Messenger) -> None:
    listens(messenger)
    _, jobs = batch(messenger, 2)
    completed_next(messenger)
    for _ in range(3):
        let_pass(messenger, A_WHILE)
        assert tell_of_batches(messenger) == 0
    assert job(messenger, jobs[1]).status == "queued"
    completed_next(messenger)
    let_pass(messenger, A_WHILE)
    assert tell_of_batches(messenger) == 1
