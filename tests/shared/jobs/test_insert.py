"""A job is recorded as its row says, in every column, and the row learns the rest."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import inspect
from sqlmodel import select

from shared.database.engine import transaction
from shared.database.fast_rows import new_row
from shared.jobs import before_start
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobEvent, JobStatus
from shared.workflows.parameters import LARGEST_SEED
from tests.jobs import PARAMETERS, USER, job, running

ODD = {"text": 'ein Kätzchen \u20ac \U0001f408 "%s" \\ \' %(jobs)s', "none": None, "deep": [{"a": [1.5, True, {}]}]}
EVERYTHING: dict[str, Any] = {
    **PARAMETERS,
    "prompt": ODD["text"],
    "negative_prompt": "",
    "lora_models": [{"name": "a", "strength_model": 0.1, "strength_clip": -10.0}],
    "params": {"seed": LARGEST_SEED, "cfg": 0.1, "vae_name": None},
    "workflow": {"1": {"class_type": "A", "inputs": ODD}},
    "workflow_key": "0123456789abcdef",
    "caller_metadata": ODD,
    "priority": 0,
    "deadline_at": datetime(2100, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
    "max_attempts": 3,
    "batch_id": UUID(int=7),
    "idempotency_key": "a key",
    "request_digest": "a digest",
    "request_id": "a request",
    "message_id": "a message",
}


def columns(row: GenerationJob) -> dict[str, Any]:
    return {name: getattr(row, name) for name in GenerationJob.model_fields}


@pytest.mark.parametrize("values", [PARAMETERS, EVERYTHING])
@pytest.mark.parametrize("later", [None, timedelta(hours=1)])
def test_a_job_is_recorded_as_its_row_says(
    messenger: Messenger, values: dict[str, Any], later: timedelta | None
) -> None:
    start = later and datetime.now(UTC) + later
    row = new_row(GenerationJob, user_id=USER, job_type="image", status=JobStatus.QUEUED, run_after=start, **values)
    with messenger.transaction() as session:
        before_start.submit(session, row)
    found = job(messenger, row.id)
    assert columns(found) == columns(row)
    assert values.items() <= columns(found).items()
    assert found.status == (JobStatus.PENDING if later else JobStatus.QUEUED)


def test_each_job_of_many_has_its_own_first_event(messenger: Messenger) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    rows = [
        new_row(
            GenerationJob,
            **PARAMETERS | {"prompt": str(number)},
            user_id=USER,
            job_type="image",
            status=JobStatus.QUEUED,
            run_after=later + timedelta(seconds=number) if number % 3 else None,
        )
        for number in range(20)
    ]
    with messenger.transaction() as session:
        before_start.submit_all(session, rows)
    ids = [row.id for row in rows]
    assert ids == sorted(ids)
    with transaction(messenger.engine) as session:
        found = session.exec(select(JobEvent).order_by(JobEvent.job_id)).all()  # type: ignore[arg-type]  # a column
        assert [session.get_one(GenerationJob, row.id).prompt for row in rows] == [row.prompt for row in rows]
    assert [(one.job_id, one.sequence, one.attempt) for one in found] == [(job_id, 1, 0) for job_id in ids]
    assert [one.type.value for one in found] == [row.status.value for row in rows]
    expected = [
        {"run_after": row.run_after.isoformat()} if row.run_after and row.status == JobStatus.PENDING else {}
        for row in rows
    ]
    assert [one.data for one in found] == expected


def test_a_row_made_quickly_is_what_its_model_makes() -> None:
    values: dict[str, Any] = {"user_id": USER, "job_type": "image", "status": JobStatus.QUEUED, **EVERYTHING}
    assert columns(new_row(GenerationJob, **values)) == columns(GenerationJob(**values))
    first, second = (new_row(GenerationJob, user_id=USER) for _ in range(2))
    assert first.params == second.params == {}
    assert first.params is not second.params


def test_a_row_made_quickly_can_be_added_to_a_session(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        row = new_row(GenerationJob, user_id=USER, job_type="image", status=JobStatus.QUEUED, **PARAMETERS)
        session.add(row)
        session.flush()
        row.priority = 9
    assert job(messenger, row.id).priority == 9


@pytest.mark.parametrize("values", [PARAMETERS, EVERYTHING])
def test_a_claimed_job_is_what_its_row_says_and_belongs_to_no_session(
    messenger: Messenger, values: dict[str, Any]
) -> None:
    claim = running(messenger, **values)
    assert columns(claim.job) == columns(job(messenger, claim.job.id))
    state = inspect(claim.job)
    assert state.detached
    assert not state.modified
