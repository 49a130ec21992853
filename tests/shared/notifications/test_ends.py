"""What a user is told of ended jobs is written with their ends: neither lost, nor told of what was not."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.jobs import before_start, lifecycle
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import Messenger
from shared.models import NotificationKind
from shared.notifications.wording import title_of
from tests.jobs import ANOTHER_USER, output, running, submitted
from tests.notifications import EVERYTHING, cancelled, complete, completed, failed, listens, listens_by_mail, told
from tests.webhooks import deliveries, endpoint


def test_a_user_is_told_of_completed_and_failed_jobs(messenger: Messenger) -> None:
    listens(messenger)
    done, broken = completed(messenger, outputs=2), failed(messenger, "out\nof\x07memory")
    first, second = told(messenger)
    assert (first.kind, first.job_id, first.data) == ("job_completed", done, {"job_type": "image", "output_count": 2})
    assert (second.kind, second.job_id, second.data["code"]) == ("job_failed", broken, "node_failed")
    assert [title_of(one.kind, one.model_dump()) for one in (first, second)] == [
        f"Job {done} is completed, with 2 outputs",
        f"Job {broken} failed: {second.data['message']}",
    ]
    assert "of memory" in second.data["message"]
    assert all(one.in_app and one.read_at is None and not one.mail_owed for one in (first, second))


def test_a_job_that_expired_is_told_as_one_that_failed(messenger: Messenger) -> None:
    listens(messenger, in_app=["job_failed"])
    job_id = submitted(messenger, deadline_at=datetime.now(UTC) - timedelta(seconds=1))
    with messenger.transaction() as session:
        before_start.expire(session, [job_id])
    (only,) = told(messenger)
    assert (only.kind, only.data["code"]) == ("job_failed", "expired")


def test_nobody_is_told_what_they_did_not_ask_for(messenger: Messenger) -> None:
    listens(messenger, in_app=["job_failed"])
    completed(messenger)
    cancelled(messenger, submitted(messenger))
    listens(messenger, ANOTHER_USER)
    failed(messenger)
    assert told(messenger, ANOTHER_USER) == []
    assert [one.kind for one in told(messenger)] == ["job_failed"]


def test_a_job_whose_end_is_rolled_back_is_told_to_nobody(messenger: Messenger) -> None:
    listens_by_mail(messenger, in_app=EVERYTHING)
    claim = running(messenger)
    with pytest.raises(ZeroDivisionError), messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
        raise ZeroDivisionError
    assert told(messenger) == []


def test_no_mail_is_owed_to_who_has_no_verified_address(messenger: Messenger) -> None:
    listens_by_mail(messenger, address=None, pending_address="anna@example.com")
    completed(messenger)
    assert told(messenger) == []


def test_webhooks_that_want_notifications_hear_of_them_too(messenger: Messenger) -> None:
    listens(messenger, in_app=[], webhook=["job_completed"])
    both = endpoint(messenger, "https://example.com/both")
    endpoint(messenger, "https://example.com/some", metadata_filter={"shot": "12"})
    endpoint(messenger, "https://example.com/ends", event_types=["job.completed"])
    endpoint(messenger, "https://example.com/another", user_id=ANOTHER_USER)
    job_id = completed(messenger)
    (made,) = [one for one in deliveries(messenger) if one.type == "notification.created"]
    body: Any = json.loads(made.body)
    assert (made.endpoint_id, made.job_id, body["type"]) == (both.id, job_id, "notification.created")
    (kept,) = told(messenger)
    assert body["data"] | {"id": kept.id, "kind": "job_completed", "job_id": job_id} == body["data"]
    assert body["data"]["title"] == f"Job {job_id} is completed, with 1 output"
    assert not kept.in_app


def test_the_end_of_a_job_costs_no_statement_more_where_nobody_listens(messenger: Messenger, engine: Engine) -> None:
    first, second = running(messenger), running(messenger)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    with messenger.transaction() as session:
        lifecycle.complete(session, first.lease, [output(first)])
    assert not [one for one in asked if "notification" in one], "the statement that completes it knows"
    with messenger.transaction() as session:
        lifecycle.fail(session, second.lease, NodeFailed("7", "KSampler", "ValueError", "it broke"))
    assert len([one for one in asked if "notification" in one]) == 1


def test_notifications_of_a_user_are_numbered_in_the_order_of_their_commits(messenger: Messenger) -> None:
    listens(messenger)
    first, second = running(messenger), running(messenger)
    with ThreadPoolExecutor(1) as threads:
        with messenger.transaction() as session:
            lifecycle.complete(session, first.lease, [output(first)])
            later = threads.submit(complete, messenger, second)
            with pytest.raises(TimeoutError):
                later.result(0.3)
        later.result(20)
    assert [one.job_id for one in told(messenger)] == [first.job.id, second.job.id]


def test_every_kind_has_its_line_in_a_file() -> None:
    data = {"output_count": 1, "message": "it broke", "state": "wedged", "problem": None, "outcome": "works again"}
    counts = {"jobs": 3, "completed": 2, "failed": 1, "cancelled": 0, "expired": 0}
    webhook = {"host": "hooks.example.com", "reason": "it answered 410"}
    facts = {"job_id": 7, "server": "http://gpu:8188", "data": data | counts | webhook}
    assert [title_of(kind, facts) for kind in NotificationKind] == [
        "Job 7 is completed, with 1 output",
        "Job 7 failed: it broke",
        "A batch of 3 jobs has ended: 2 completed, 1 failed",
        "The server http://gpu:8188 is wedged: no reason is known",
        "The server http://gpu:8188 works again",
        "Your webhook at hooks.example.com is disabled: it answered 410",
    ]
