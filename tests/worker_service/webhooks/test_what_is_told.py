"""Each end of a job is told to the endpoints that want to hear of it, in the standard form."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, update
from sqlmodel import col
from standardwebhooks.webhooks import WebhookVerificationError

from api_service.webhooks.endpoints import delete_endpoint
from shared.configuration.settings import Settings
from shared.configuration.urls.public_urls import LONGEST_ROOT_PATH
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import body_below
from shared.webhooks.signing import drawn_secret
from shared.workflows.metadata import storable
from tests.cleaning import clean_up_named, cleaned, tools_of
from tests.jobs import ANOTHER_USER, job, output, running, submitted
from tests.notifications import completed
from tests.raw_server import RawServer
from tests.webhooks import deliveries, endpoint, only, taken_apart, verified
from worker_service.cleanup.portion import Removed
from worker_service.webhooks.sender import Deliveries


def test_the_end_of_a_job_is_told_in_the_standard_form(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    made = endpoint(messenger, f"{receiver.url}/hook?a=b")
    job_id = completed(messenger, caller_metadata={"shot": "12"})
    assert sender.deliver_all() == 1
    (request,) = receiver.asked
    assert request.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    told = verified(request, made.secret)
    assert told["type"] == "job.completed"
    assert told["timestamp"].endswith("+00:00")
    data = told["data"]
    assert (data["job_id"], data["status"], data["metadata"]) == (job_id, "completed", {"shot": "12"})
    assert data["sequence"] == job(messenger, job_id).events
    assert (data["output_count"], data["outputs"][0]["url"]) == (1, f"/api/v1/generation-jobs/{job_id}/outputs/0")
    kept = only(messenger)
    assert (kept.state, kept.tries, kept.last_status, kept.last_answer) == ("delivered", 1, 200, "thanks")
    assert kept.last_ms is not None
    assert taken_apart(request)[0]["webhook-id"] == f"msg_{kept.id.hex}"
    assert sender.deliver_all() == 0


def test_below_a_path_of_a_proxy_addresses_are_told_with_it_at_every_try(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    made = endpoint(messenger, receiver.url)
    job_id = completed(messenger)
    below = Deliveries(messenger.engine, sender.outgoing, sender.closing, root="/make/pictures")
    assert below.deliver_all() == 1
    with messenger.transaction() as session:
        session.execute(update(WebhookDelivery).values(state=DeliveryState.PENDING, due_at=func.now()))
    assert below.deliver_all() == 1
    first, second = (verified(request, made.secret)["data"]["outputs"][0]["url"] for request in receiver.asked)
    assert first == second == f"/make/pictures/api/v1/generation-jobs/{job_id}/outputs/0"


def test_a_failure_and_a_cancellation_are_told_too(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    made = endpoint(messenger, receiver.url)
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("7", "KSampler", "ValueError", "it broke"))
    waiting = submitted(messenger)
    with messenger.transaction() as session:
        cancel_one(session, waiting)
    assert sender.deliver_all() == 2
    failed, cancelled = (verified(request, made.secret) for request in receiver.asked)
    assert (failed["type"], failed["data"]["error"]["code"]) == ("job.failed", "node_failed")
    assert (cancelled["type"], cancelled["data"]["job_id"], cancelled["data"]["error"]) == (
        "job.cancelled",
        waiting,
        None,
    )


def test_a_job_whose_end_is_rolled_back_is_told_to_nobody(messenger: Messenger) -> None:
    endpoint(messenger, "https://example.com/")
    claim = running(messenger)
    with pytest.raises(ZeroDivisionError), messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
        raise ZeroDivisionError
    assert deliveries(messenger) == []


def test_an_endpoint_that_is_deleted_meanwhile_fails_no_job(messenger: Messenger, engine: Engine) -> None:
    made = endpoint(messenger, "https://example.com/")
    claim = running(messenger)
    with ThreadPoolExecutor(1) as threads:
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
            deleting = threads.submit(delete_endpoint, engine, made.id, None)
            with pytest.raises(TimeoutError):
                deleting.result(0.3)
        deleting.result(20)
    assert job(messenger, claim.job.id).status == "completed"
    assert deliveries(messenger) == []


def test_an_endpoint_hears_only_what_it_asked_for(messenger: Messenger) -> None:
    wanted = endpoint(messenger, "https://example.com/", metadata_filter={"shot": "12"})
    for values in (
        {"enabled": False},
        {"user_id": ANOTHER_USER},
        {"event_types": ["job.failed"]},
        {"metadata_filter": {"shot": "13"}},
    ):
        endpoint(messenger, "https://example.com/", **values)
    completed(messenger, caller_metadata={"shot": "12", "take": 3})
    assert [one.endpoint_id for one in deliveries(messenger)] == [wanted.id]


LARGEST_ACCEPTED = (  # each just below the 4096 bytes that are accepted
    {"words": "ä" * 2000},
    {"a": [1] * 2040},  # a blank behind each comma
    {"words": "\x01" * 680},
)


@pytest.mark.parametrize("metadata", LARGEST_ACCEPTED)
def test_a_body_stays_below_20_kb_whatever_the_job_holds(messenger: Messenger, metadata: dict[str, Any]) -> None:
    endpoint(messenger, "https://example.com/")
    assert storable(metadata)
    made = completed(messenger, outputs=100, caller_metadata=metadata)
    claim = running(messenger, caller_metadata=metadata)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("7", "KSampler", "ValueError", "\x01" * 9000))
    told = [one.body for one in deliveries(messenger)]
    root = "/" + "a" * (LONGEST_ROOT_PATH - 1)
    assert [len(body_below(root, body).encode()) < 20_000 for body in told] == [True, True]
    done, failed = (json.loads(body)["data"] for body in told)
    assert (done["job_id"], done["output_count"]) == (made, 100)
    assert [one["number"] for one in done["outputs"]] == list(range(20))
    assert (done["metadata"], failed["metadata"]) == (metadata, metadata)
    assert len(failed["error"]["message"]) == 2000


def test_metadata_that_grow_as_postgresql_writes_them_are_left_out(messenger: Messenger) -> None:
    endpoint(messenger, "https://example.com/")
    completed(messenger, caller_metadata=storable({"numbers": [1e308] * 500}))
    body = only(messenger).body
    assert len(body.encode()) < 20_000
    assert json.loads(body)["data"]["metadata"] is None


@pytest.mark.parametrize("listens", [True, False])
def test_the_statement_that_completes_a_job_writes_what_webhooks_are_owed(messenger: Messenger, listens: bool) -> None:
    if listens:
        endpoint(messenger, "https://example.org/")
    claim, asked = running(messenger), list[str]()
    event.listen(messenger.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    assert [one.split()[:2] for one in asked if "webhook" in one or one.startswith("EXECUTE")] == [
        ["EXECUTE", "complete"],
        ["EXECUTE", "count_one"],  # the statistics of the day
    ]
    assert len(deliveries(messenger)) == listens


def test_while_a_secret_is_replaced_both_verify(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    old, new = drawn_secret(), drawn_secret()
    made = endpoint(messenger, receiver.url, secret=new, previous_secret=old)
    for until, both in ((timedelta(hours=1), True), (-timedelta(hours=1), False)):
        with messenger.transaction() as session:
            session.exec(update(WebhookEndpoint).values(previous_until=func.now() + until))
        completed(messenger)
        sender.deliver_all()
        assert verified(receiver.asked[-1], made.secret)
        if both:
            assert verified(receiver.asked[-1], old)
        else:
            with pytest.raises(WebhookVerificationError):
                verified(receiver.asked[-1], old)


def test_deliveries_are_kept_for_a_month(messenger: Messenger, settings: Settings) -> None:
    endpoint(messenger, "https://example.com/")
    for days in (31, 29):
        completed(messenger)
        with messenger.transaction() as session:
            new = col(WebhookDelivery.created_at) > func.now() - timedelta(days=1)
            ago = func.now() - timedelta(days=days)
            session.exec(update(WebhookDelivery).where(new).values(created_at=ago))
    assert cleaned(messenger, settings, "deliveries") == 0, "both are still owed"
    with messenger.transaction() as session:
        session.exec(update(WebhookDelivery).values(state=DeliveryState.DELIVERED))
    assert cleaned(messenger, settings, "deliveries") == 1
    assert len(deliveries(messenger)) == 1


def test_a_delivery_that_is_owed_again_is_not_counted_as_gone(messenger: Messenger, settings: Settings) -> None:
    endpoint(messenger, "https://example.com/")
    for outputs in (1, 2):
        completed(messenger, outputs)
    with messenger.transaction() as session:
        ago = func.now() - timedelta(days=31)
        session.exec(update(WebhookDelivery).values(state=DeliveryState.DELIVERED, created_at=ago))
    clean_up, tools = clean_up_named("deliveries"), tools_of(messenger, settings)
    (found,) = clean_up.find(tools, None)
    owed, gone = deliveries(messenger)
    with messenger.transaction() as session:
        session.exec(
            update(WebhookDelivery).where(col(WebhookDelivery.id) == owed.id).values(state=DeliveryState.PENDING)
        )
    assert clean_up.remove
    assert (len(found.items), clean_up.remove(tools, found)) == (2, Removed(1, len(gone.body.encode())))
