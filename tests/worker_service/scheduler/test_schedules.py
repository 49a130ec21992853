"""A schedule that is due makes one job, as it is asked for, and wakes a worker for it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from shared.database.engine import transaction
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import JobStatus, JobWebhook, Overlap
from tests.jobs import USER
from tests.schedules import A_MINUTE, SEED, becomes_due, jobs_of, now_it_is, run_all, scheduled, template
from worker_service.scheduler.schedule import SCHEDULE


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
