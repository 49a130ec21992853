"""A schedule that is due makes one job, whoever looks and however often; or its row says why there is none."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.jobs import cancel
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import AssetUse, JobStatus, JobWebhook, Missed, Overlap, Schedule, User
from shared.schedules.due import run_due
from shared.schedules.runs import Quotas
from tests.another_clock import set_clock
from tests.jobs import USER, submitted
from tests.schedules import (
    A_MINUTE,
    NO_QUOTAS,
    SEED,
    becomes_due,
    jobs_of,
    key_of_user,
    now_it_is,
    revoke_keys,
    run_all,
    scheduled,
    template,
)
from worker_service.scheduler.schedule import SCHEDULE

HOUR = timedelta(hours=1)


def code_of_skip(engine: Engine, schedule: Schedule) -> str | None:
    skip = now_it_is(engine, schedule).last_skip
    return str(skip["code"]) if skip else None


def test_one_that_is_due_makes_a_job_and_wakes_a_worker(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, cron="* * * * *")
    assert run_all(messenger) == 1
    (made,) = jobs_of(engine, schedule)
    assert (made.status, made.user_id, made.prompt) == (JobStatus.QUEUED, USER, "a cat")
    assert messenger.waiting_messages(Queue.COMFY) == 1
    after = now_it_is(engine, schedule)
    assert (after.last_job_id, after.last_planned_at, after.skips) == (made.id, schedule.next_at, 0)
    assert after.next_at is not None
    assert after.next_at > datetime.now(UTC)
    assert after.next_at - datetime.now(UTC) <= A_MINUTE
    assert run_all(messenger) == 0


def test_it_is_on_the_schedule_of_the_scheduler() -> None:
    (every,) = [sweep.every for sweep in SCHEDULE if sweep.name == "run schedules"]
    assert every <= timedelta(seconds=2)


def test_each_job_has_a_seed_of_its_own_unless_one_was_given(messenger: Messenger, engine: Engine) -> None:
    drawn = scheduled(engine, overlap=Overlap.QUEUE)
    given = scheduled(engine, overlap=Overlap.QUEUE, template=template(params={"seed": 7}))
    for _ in range(3):
        run_all(messenger)
        for schedule in (drawn, given):
            becomes_due(engine, schedule)
    assert len({one.params["seed"] for one in jobs_of(engine, drawn)}) == 3
    assert {one.params["seed"] for one in jobs_of(engine, given)} == {7}


def test_delays_and_deadlines_begin_with_each_run(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, template=template(SEED, delay_s=600, deadline_s=3600))
    run_all(messenger)
    (made,) = jobs_of(engine, schedule)
    assert made.status is JobStatus.PENDING
    assert made.run_after is not None
    assert made.deadline_at is not None
    assert made.deadline_at - made.run_after == timedelta(seconds=3000)
    assert messenger.waiting_messages(Queue.COMFY) == 0


def test_the_end_of_each_job_is_told_where_the_schedule_says(messenger: Messenger, engine: Engine) -> None:
    schedule = scheduled(engine, webhook_url="https://example.com/", webhook_secret=b"x" * 32)
    run_all(messenger)
    (made,) = jobs_of(engine, schedule)
    with transaction(engine) as session:
        webhook = session.get_one(JobWebhook, made.id)
    assert (webhook.url, webhook.secret) == ("https://example.com/", b"x" * 32)


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


def test_two_schedulers_that_look_at_once_make_each_job_once(messenger: Messenger, engine: Engine) -> None:
    key_id = key_of_user(engine)
    schedules = [scheduled(engine, key_id=key_id) for _ in range(20)]
    start = threading.Barrier(3)
    made: list[int] = []

    def look() -> None:
        start.wait(10)
        made.append(run_due(messenger, NO_QUOTAS))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(made) == 20
    assert [len(jobs_of(engine, schedule)) for schedule in schedules] == [1] * 20


DIES = """
import os, signal, sys
from sqlalchemy import event
from sqlmodel import Session
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import hasty_client
from shared.schedules.due import run_due
from shared.schedules.runs import Quotas

settings = load_settings(dict(os.environ))
engine = create_engine(settings, application="dies")
messenger = Messenger(engine, sending_broker(settings), hasty_client(settings.redis_url), Channels(settings.redis_ns))
moment = "before_commit" if sys.argv[1] == "before" else "after_commit"
event.listen(Session, moment, lambda session: session.in_nested_transaction() or os.kill(os.getpid(), signal.SIGKILL))
run_due(messenger, Quotas(None, None))
"""


@pytest.mark.system
@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_9_around_the_commit_neither_loses_a_run_nor_doubles_it(
    messenger: Messenger, engine: Engine, environ: dict[str, str], moment: str
) -> None:
    schedule = scheduled(engine)
    root = Path(__file__).parents[3]
    killed = subprocess.run([sys.executable, "-c", DIES, moment], cwd=root, env=environ, timeout=60, check=False)
    assert killed.returncode == -9
    assert len(jobs_of(engine, schedule)) == (0 if moment == "before" else 1)
    assert run_all(messenger) == (1 if moment == "before" else 0)
    assert len(jobs_of(engine, schedule)) == 1


class TestWhenSummerTimeBegins:
    @pytest.fixture
    def database_url(self, own_database: str) -> str:
        return own_database

    def test_what_the_clock_leaves_out_runs_once_after_the_gap(
        self, messenger: Messenger, engine: Engine, settings: Settings
    ) -> None:
        half_past_two = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "overlap": Overlap.QUEUE}
        the_clock_is(settings, "2027-03-28T00:59:30")
        schedule = scheduled(engine, due=utc("2027-03-27T01:30:00"), missed=Missed.SKIP, **half_past_two)
        assert run_all(messenger) == 0, "yesterday's was missed"
        assert now_it_is(engine, schedule).next_at == utc("2027-03-28T01:00:00")  # 3:00, which follows 1:59
        the_clock_is(settings, "2027-03-28T01:00:02")
        assert run_all(messenger) == 1
        assert now_it_is(engine, schedule).next_at == utc("2027-03-29T00:30:00")
        the_clock_is(settings, "2027-03-28T01:30:02")
        assert run_all(messenger) == 0
        the_clock_is(settings, "2027-03-29T00:30:02")
        assert run_all(messenger) == 1
        assert len(jobs_of(engine, schedule)) == 2

    def test_what_the_clock_shows_twice_runs_the_first_time(
        self, messenger: Messenger, engine: Engine, settings: Settings
    ) -> None:
        half_past_two = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "overlap": Overlap.QUEUE}
        the_clock_is(settings, "2027-10-31T00:30:02")
        schedule = scheduled(engine, due=utc("2027-10-31T00:30:00"), **half_past_two)
        assert run_all(messenger) == 1
        the_clock_is(settings, "2027-10-31T01:30:02")
        assert run_all(messenger) == 0
        assert now_it_is(engine, schedule).next_at == utc("2027-11-01T01:30:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def the_clock_is(settings: Settings, text: str) -> None:
    set_clock(settings.database_url, utc(text) - datetime.now(UTC))
