"""A schedule that is due makes no job where there is a reason, which its row says; and its next run is planned."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from shared.database.engine import transaction
from shared.jobs import cancel
from shared.messaging.messenger import Messenger
from shared.models import AssetUse, Missed, Overlap, Schedule, User
from shared.schedules.runs import Quotas
from shared.usage.budgets import Budget
from tests.jobs import USER, submitted
from tests.quarantine import FINGERPRINT, quarantined
from tests.schedules import (
    A_MINUTE,
    becomes_due,
    jobs_of,
    key_of_user,
    now_it_is,
    revoke_keys,
    run_all,
    scheduled,
    template,
)

HOUR = timedelta(hours=1)


def code_of_skip(engine: Engine, schedule: Schedule) -> str | None:
    skip = now_it_is(engine, schedule).last_skip
    return str(skip["code"]) if skip else None


def test_one_whose_last_job_has_not_ended_is_skipped(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine)
    run_all(messenger)
    becomes_due(engine, schedule)
    assert run_all(messenger) == 0
    (made,) = jobs_of(engine, schedule)
    after = now_it_is(engine, schedule)
    assert after.last_skip is not None
    assert (after.last_skip["code"], after.skips, after.last_job_id) == ("overlap", 1, made.id)
    assert f"job {made.id}" in after.last_skip["message"]
    with messenger.transaction() as session:
        cancel.cancel_one(session, made.id)
    becomes_due(engine, schedule)
    assert run_all(messenger) == 1
    assert now_it_is(engine, schedule).skips == 0


def test_one_that_queues_makes_a_job_all_the_same(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, overlap=Overlap.QUEUE)
    run_all(messenger)
    becomes_due(engine, schedule)
    assert run_all(messenger) == 1
    assert len(jobs_of(engine, schedule)) == 2


def test_what_was_missed_for_hours_is_made_up_for_once(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, due=5 * HOUR, overlap=Overlap.QUEUE, cron="* * * * *")
    run_all(messenger)
    # And the one of this very minute, if its time came meanwhile.
    assert 1 <= len(jobs_of(engine, schedule)) <= 2
    after = now_it_is(engine, schedule)
    assert after.next_at is not None
    assert after.next_at > datetime.now(UTC) - A_MINUTE


def test_or_not_at_all(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, due=5 * HOUR, missed=Missed.SKIP)
    assert run_all(messenger) == 0
    assert jobs_of(engine, schedule) == []
    assert code_of_skip(engine, schedule) == "missed"
    becomes_due(engine, schedule, timedelta(seconds=30))
    assert run_all(messenger) == 1, "half a minute late is on time"


def test_a_user_with_no_key_left_that_may_submit_gets_no_jobs(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine)
    revoke_keys(engine)
    assert run_all(messenger) == 0
    assert code_of_skip(engine, schedule) == "no_key"
    key_of_user(engine)
    becomes_due(engine, schedule)
    assert run_all(messenger) == 1, "the schedule is the user's, not the key's"


def test_the_limits_of_the_user_hold(messenger: Messenger, engine: Engine) -> None:
    submitted(messenger)
    schedule = scheduled(engine)
    assert run_all(messenger, Quotas(queued_jobs=1, stored_bytes=None)) == 0
    assert code_of_skip(engine, schedule) == "queued_jobs"
    with transaction(engine) as session:
        session.get_one(User, USER).stored_bytes = 100
    becomes_due(engine, schedule)
    assert run_all(messenger, Quotas(queued_jobs=2, stored_bytes=100)) == 0
    assert code_of_skip(engine, schedule) == "stored_bytes"
    budgets = {Budget.GPU_SECONDS: None, Budget.JOBS: 1}
    becomes_due(engine, schedule)
    assert run_all(messenger, Quotas(None, None, budgets=budgets)) == 0
    assert code_of_skip(engine, schedule) == "budget_jobs", "the one that waits is one"


def test_those_of_the_key_that_made_it_go_before(messenger: Messenger, engine: Engine) -> None:
    submitted(messenger)
    generous = scheduled(engine, key_id=key_of_user(engine, queued_jobs=None))
    strict = scheduled(engine, key_id=key_of_user(engine, queued_jobs=1))
    assert run_all(messenger, Quotas(queued_jobs=1, stored_bytes=None)) == 1
    assert (len(jobs_of(engine, generous)), jobs_of(engine, strict)) == (1, [])


def test_one_whose_asset_was_deleted_is_skipped(messenger: Messenger, engine: Engine) -> None:
    gone = str(uuid4())
    schedule = scheduled(engine, template=template(assets={"1": {"image": gone}}))
    assert run_all(messenger) == 0
    assert code_of_skip(engine, schedule) == "asset_gone"
    with transaction(engine) as session:
        assert session.get(AssetUse, (UUID(gone), 1)) is None


def test_one_whose_workflow_is_in_quarantine_is_skipped(messenger: Messenger, engine: Engine) -> None:
    quarantined(messenger)
    schedule = scheduled(engine, template=template(workflow_key=FINGERPRINT))
    assert run_all(messenger) == 0
    assert code_of_skip(engine, schedule) == "workflow_quarantined"


def test_a_job_that_was_made_already_is_not_made_again(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, overlap=Overlap.QUEUE)
    run_all(messenger)
    with transaction(engine) as session:
        # As if the database had been put back to a moment before.
        session.get_one(type(schedule), schedule.id).next_at = schedule.next_at
    assert run_all(messenger) == 0
    assert len(jobs_of(engine, schedule)) == 1
    assert code_of_skip(engine, schedule) == "made_already"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"template": {}}, "failed"),
        ({"template": {"columns": {"gone": 1}}}, "failed"),
        ({"template": template(width=0)}, "failed"),
        ({"time_zone": "Mars/Base"}, None),
    ],
    ids=["no template", "a column that is gone", "a row that is refused", "no time zone"],
)
def test_one_that_cannot_run_keeps_no_other_from_it(
    messenger: Messenger, engine: Engine, broken: dict[str, object], code: str | None
) -> None:
    first = scheduled(engine, due=2 * A_MINUTE, **broken)
    second = scheduled(engine)
    assert run_all(messenger) == (2 if code is None else 1)
    assert len(jobs_of(engine, second)) == 1
    assert code_of_skip(engine, first) == code
    after = now_it_is(engine, first)
    assert (after.next_at is None, after.paused) == (code is None, code is None), "one that has no time is paused"
    assert run_all(messenger) == 0
