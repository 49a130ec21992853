"""The secrets of a job are there until it ends, and whatever ends it takes them in the same statement."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from shared.jobs import before_start, lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.worn_out import end_worn_out
from shared.jobs.deletion import delete_job
from shared.jobs.errors import NodeFailed, PromptLost, StorageUnavailable
from shared.jobs.transitions import TRANSITIONS
from shared.messaging.messenger import Messenger
from shared.models import FINAL, GenerationJob, JobStatus, Outcome
from tests.jobs import claimed, job, output, running, silence, submitted

SEALED, NAMES = "gAAAAA-sealed", ["api_key_comfy_org"]
SENT = {"secrets": SEALED, "secret_names": NAMES}


def complete(messenger: Messenger) -> int:
    claim = running(messenger, **SENT)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    return claim.job.id


def fail(messenger: Messenger) -> int:
    claim = running(messenger, **SENT)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("3", "KSampler", "ValueError", "no"))
    return claim.job.id


def drop(messenger: Messenger) -> int:
    job_id = submitted(messenger, **SENT)
    with messenger.transaction() as session:
        cancel_one(session, job_id)
    return job_id


def confirm_cancel(messenger: Messenger) -> int:
    claim = running(messenger, **SENT)
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)
    assert job(messenger, claim.job.id).secrets == SEALED, "its prompt may be alive"
    with messenger.transaction() as session:
        lifecycle.confirm_cancel(session, claim.lease)
    return claim.job.id


def expire(messenger: Messenger) -> int:
    job_id = submitted(messenger, **SENT)
    with messenger.transaction() as session:
        set_columns(messenger, job_id, deadline_at=func.now())
        before_start.expire(session, [job_id])
    return job_id


def wear_out(messenger: Messenger) -> int:
    claim = running(messenger, **SENT)
    set_columns(messenger, claim.job.id, claims_left=0)
    silence(messenger, claim.job.id)
    with messenger.transaction() as session:
        assert end_worn_out(session, claim.job.id) is not None
    return claim.job.id


def wear_out_cancelled(messenger: Messenger) -> int:
    claim = running(messenger, **SENT)
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)
    set_columns(messenger, claim.job.id, claims_left=0)
    silence(messenger, claim.job.id)
    with messenger.transaction() as session:
        assert end_worn_out(session, claim.job.id) is not None
    return claim.job.id


def set_columns(messenger: Messenger, job_id: int, **values: object) -> None:
    with messenger.transaction() as session:
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(**values))


# By the transition that ends the job.
ENDS: dict[str, Callable[[Messenger], int]] = {
    "complete": complete,
    "fail": fail,
    "drop": drop,
    "confirm_cancel": confirm_cancel,
    "expire": expire,
}


@pytest.mark.parametrize("end", [*ENDS.values(), wear_out, wear_out_cancelled])
def test_each_end_takes_the_secrets_and_leaves_their_names(messenger: Messenger, end: Callable[..., int]) -> None:
    ended = job(messenger, end(messenger))
    assert ended.status in FINAL
    assert (ended.secrets, ended.secret_names) == (None, NAMES)
    with messenger.transaction() as session:
        assert delete_job(session, ended.id, None) is not None


def test_these_are_all_the_ends_there_are() -> None:
    assert {name for name, made in TRANSITIONS.items() if made.target in FINAL} == ENDS.keys()


@pytest.mark.parametrize("status", sorted(FINAL))
def test_the_database_takes_no_end_that_leaves_them(messenger: Messenger, status: JobStatus) -> None:
    job_id = submitted(messenger, **SENT)
    with pytest.raises(IntegrityError, match="secrets_end_with_job"):
        set_columns(messenger, job_id, status=status)
    set_columns(messenger, job_id, status=status, secrets=None)


def test_they_stay_with_a_job_that_goes_on(messenger: Messenger) -> None:
    claim = running(messenger, **SENT)
    assert claim.job.secrets == SEALED
    at_once = timedelta(0)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, PromptLost("gpu", "p"), Outcome.RETRIED, at_once)
    again = claimed(messenger)
    assert again is not None
    with messenger.transaction() as session:
        lifecycle.generated(session, again.lease)
        lifecycle.await_storage(session, again.lease, StorageUnavailable("x", "full"), at_once)
    last = claimed(messenger)
    assert last is not None
    with messenger.transaction() as session:
        lifecycle.release(session, last.lease)
    adopted = claimed(messenger)
    assert adopted is not None
    assert adopted.job.secrets == SEALED


def test_a_job_shows_them_to_nobody_who_prints_it(messenger: Messenger) -> None:
    assert SEALED not in repr(job(messenger, submitted(messenger, **SENT)))
