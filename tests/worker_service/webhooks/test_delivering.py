"""What an endpoint is owed reaches it, signed, however often it must be tried; and none waits for another."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, update
from sqlmodel import col
from standardwebhooks.webhooks import WebhookVerificationError

from api_service.webhooks.endpoints import delete_endpoint
from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.errors import NodeFailed
from shared.messaging.due_work import WakeUps
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from shared.outgoing.allowed import allowed_by
from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Asked, Outgoing
from shared.webhooks.due import due_deliveries, take
from shared.webhooks.outcome import MOST_TRIES, PAUSES, pause_after
from shared.webhooks.signing import drawn_secret
from tests.cleaning import cleaned
from tests.jobs import ANOTHER_USER, job, output, running, submitted
from tests.raw_server import RawServer, answer, raw_server
from tests.webhooks import deliveries, endpoint, endpoint_row, make_due, taken_apart, verified
from worker_service.delivering.threads import DeliveryThread
from worker_service.webhooks.sender import Deliveries

OK = answer(b"thanks")


def completed(messenger: Messenger, outputs: int = 1, **values: object) -> int:
    claim = running(messenger, **values)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, number) for number in range(outputs)])
    return claim.job.id


def only(messenger: Messenger) -> WebhookDelivery:
    (found,) = deliveries(messenger)
    return found


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


def test_a_try_of_an_endpoint_that_was_deleted_meanwhile_is_forgotten(
    messenger: Messenger, sender: Deliveries, halting: tuple[Callable[[socket.socket], None], threading.Event]
) -> None:
    say, goes_on = halting
    with raw_server(say) as server, ThreadPoolExecutor(1) as threads:
        made = endpoint(messenger, server.url)
        completed(messenger)
        trying = threads.submit(sender.deliver_one)
        while not server.asked:
            threading.Event().wait(0.01)
        delete_endpoint(messenger.engine, made.id, None)
        goes_on.set()
        assert trying.result(20)
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


def test_a_body_stays_below_20_kb_whatever_the_job_holds(messenger: Messenger) -> None:
    endpoint(messenger, "https://example.com/")
    completed(messenger, outputs=100, caller_metadata={"words": "ä" * 1900})
    assert len(only(messenger).body.encode()) < 20_000
    assert '"output_count": 100' in only(messenger).body


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (answer(b"", "500 Internal Server Error"), 500),
        (answer(b"", "302 Found", Location="http://127.0.0.1:1/"), 302),
        (answer(b"", "404 Not Found"), 404),
        (b"", None),
    ],
)
def test_what_is_no_success_is_tried_again_with_the_same_id_and_body(
    messenger: Messenger, sender: Deliveries, said: bytes, status: int | None
) -> None:
    with raw_server(said) as server:
        made = endpoint(messenger, server.url)
        completed(messenger)
        assert sender.deliver_all() == 1, "the next try has to wait"
        kept = only(messenger)
        assert (kept.state, kept.tries, kept.last_status) == ("pending", 1, status)
        assert (kept.last_error is None) is (status is not None)
        make_due(messenger)
        assert sender.deliver_all() == 1
    (first, body), (second, same) = map(taken_apart, server.asked)
    assert (first["webhook-id"], body) == (second["webhook-id"], same)
    assert verified(server.asked[1], made.secret)
    assert endpoint_row(messenger, made.id).failures == 2


def test_the_tenth_try_is_the_last(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"", "503 Service Unavailable")) as server:
        endpoint(messenger, server.url)
        completed(messenger)
        for _ in range(MOST_TRIES):
            make_due(messenger)
            assert sender.deliver_all() == 1
        make_due(messenger)
        assert sender.deliver_all() == 0
    assert (MOST_TRIES, only(messenger).state) == (10, "failed")


def test_each_pause_is_longer_than_the_one_before_and_as_long_as_was_asked() -> None:
    for number, least in enumerate(PAUSES, start=1):
        pause = pause_after(number, None)
        assert pause is not None
        assert least <= pause <= 1.2 * least
    assert pause_after(1, timedelta(hours=1)) == timedelta(hours=1)
    assert pause_after(1, timedelta(days=9)) == timedelta(hours=24)
    assert pause_after(10, timedelta(hours=1)) is None


def test_retry_after_is_heeded(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"", "429 Too Many Requests", Retry_After="7200")) as server:
        endpoint(messenger, server.url)
        completed(messenger)
        sender.deliver_all()
    kept = only(messenger)
    assert kept.last_tried_at is not None
    assert kept.due_at - kept.last_tried_at >= timedelta(hours=2)


def test_an_endpoint_that_is_gone_is_disabled(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"", "410 Gone")) as server:
        made = endpoint(messenger, server.url)
        completed(messenger)
        sender.deliver_all()
    assert only(messenger).state == "failed"
    after = endpoint_row(messenger, made.id)
    assert (after.enabled, after.disabled_reason) == (False, "it answered 410")


@pytest.mark.parametrize(("failures", "hours", "is_enabled"), [(49, 25, False), (48, 25, True), (200, 23, True)])
def test_fifty_failures_in_a_row_over_a_day_disable_an_endpoint(
    messenger: Messenger, sender: Deliveries, failures: int, hours: int, is_enabled: bool
) -> None:
    with raw_server(answer(b"", "500 Internal Server Error")) as server:
        made = endpoint(messenger, server.url, failures=failures)
        with messenger.transaction() as session:
            session.exec(update(WebhookEndpoint).values(failing_since=func.now() - timedelta(hours=hours)))
        completed(messenger)
        sender.deliver_all()
    assert endpoint_row(messenger, made.id).enabled is is_enabled


def test_a_success_ends_the_row_of_failures(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    made = endpoint(messenger, receiver.url, failures=49)
    completed(messenger)
    sender.deliver_all()
    after = endpoint_row(messenger, made.id)
    assert (after.failures, after.failing_since) == (0, None)


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


def test_no_webhook_goes_into_our_own_network(messenger: Messenger, engine: Engine, receiver: RawServer) -> None:
    endpoint(messenger, receiver.url)
    completed(messenger)
    guarded = Deliveries(engine, Outgoing(allowed_by([])), threading.Event())
    assert guarded.deliver_all() == 1
    assert receiver.asked == []
    assert only(messenger).last_error == "the URL must begin with https://"


@pytest.fixture
def halting() -> Iterator[tuple[Callable[[socket.socket], None], threading.Event]]:
    goes_on = threading.Event()

    def say(connection: socket.socket) -> None:
        goes_on.wait(60)
        connection.sendall(OK)

    yield say, goes_on
    goes_on.set()


def test_a_slow_endpoint_delays_only_itself(
    messenger: Messenger,
    sender: Deliveries,
    receiver: RawServer,
    halting: tuple[Callable[[socket.socket], None], threading.Event],
) -> None:
    say, goes_on = halting
    with raw_server(say) as slow, ThreadPoolExecutor(2) as threads:
        slow_one = endpoint(messenger, slow.url)
        for _ in range(3):
            completed(messenger)
        held = [threads.submit(sender.deliver_one) for _ in range(2)]
        while len(slow.asked) < 2:
            threading.Event().wait(0.01)
        quick_one = endpoint(messenger, receiver.url)
        completed(messenger)
        assert sender.deliver_all() == 1, "two of the slow endpoint are under way, and no more are begun"
        delivered = [one for one in deliveries(messenger) if one.state is DeliveryState.DELIVERED]
        assert [one.endpoint_id for one in delivered] == [quick_one.id]
        goes_on.set()
        assert all(one.result() for one in held)
        assert sender.deliver_all() == 2
    assert len([one for one in deliveries(messenger) if one.endpoint_id == slow_one.id]) == 4


def test_a_delivery_of_a_worker_that_died_is_tried_by_another(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    endpoint(messenger, receiver.url)
    completed(messenger)
    with messenger.transaction() as session:
        long_ago = func.now() - timedelta(seconds=1)
        session.exec(update(WebhookDelivery).values(tries=1, due_at=long_ago, claimed_until=long_ago))
    assert sender.deliver_all() == 1
    assert (only(messenger).state, only(messenger).tries) == ("delivered", 2)


def test_a_disabled_endpoint_is_told_once_it_is_enabled(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    endpoint(messenger, receiver.url)
    completed(messenger)
    for is_enabled, tried in ((False, 0), (True, 1)):
        with messenger.transaction() as session:
            session.exec(update(WebhookEndpoint).values(enabled=is_enabled))
        assert sender.deliver_all() == tried


def test_who_takes_one_endpoints_delivery_leaves_all_others_to_take(messenger: Messenger) -> None:
    for number in range(2):
        endpoint(messenger, f"https://example.com/{number}")
    completed(messenger)
    with messenger.transaction() as one, messenger.transaction() as other:
        taken = [take(one), take(other)]
    assert {found.endpoint_id for found in taken if found} == {row.endpoint_id for row in deliveries(messenger)}
    assert len(deliveries(messenger)) == 2


def test_a_wake_up_is_owed_for_each_endpoint_that_is_owed_something(messenger: Messenger) -> None:
    wake_ups = WakeUps(messenger, due_deliveries())
    assert wake_ups.send_missing() == 0
    for number in range(2):
        endpoint(messenger, f"https://example.com/{number}")
    completed(messenger)
    assert wake_ups.send_missing() == 2
    assert wake_ups.send_missing() == 0
    assert messenger.waiting_messages(Queue.WEBHOOKS) == 2


def test_a_woken_thread_delivers(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    endpoint(messenger, receiver.url)
    threads = [DeliveryThread(sender, number) for number in range(2)]
    for thread in threads:
        thread.start()
    completed(messenger)
    sender.wake()
    while not receiver.asked:
        threading.Event().wait(0.01)
    sender.closing.set()
    for _ in threads:
        sender.wake()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


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


@pytest.fixture
def silent() -> Iterator[RawServer]:
    """A receiver that takes a request, and says nothing to it until it is let go."""

    def wait(_connection: socket.socket) -> None:
        server.left.wait(20)

    with raw_server(wait) as server:
        yield server


def under_way(server: RawServer) -> None:
    while not server.asked:
        time.sleep(0.01)


def test_what_is_under_way_when_the_worker_stops_ends(messenger: Messenger, sender: Deliveries) -> None:
    go = threading.Event()

    def late(connection: socket.socket) -> None:
        go.wait(20)
        connection.sendall(OK)

    with raw_server(late) as server:
        endpoint(messenger, server.url)
        completed(messenger)
        thread = DeliveryThread(sender, 0)
        thread.start()
        under_way(server)
        sender.closing.set()
        stopping = threading.Thread(target=sender.stop, args=(20,))
        stopping.start()
        go.set()
        stopping.join(30)
        thread.join(30)
    assert (only(messenger).state, only(messenger).tries) == (DeliveryState.DELIVERED, 1)


def test_what_does_not_end_in_time_is_due_at_once_as_if_it_had_not_been_tried(
    messenger: Messenger, sender: Deliveries, silent: RawServer
) -> None:
    endpoint(messenger, silent.url)
    completed(messenger)
    thread = DeliveryThread(sender, 0)
    thread.start()
    under_way(silent)
    sender.closing.set()
    sender.stop(0)
    thread.join(30)
    found = only(messenger)
    assert (found.state, found.tries, found.claimed_until) == (DeliveryState.PENDING, 0, None)
    with messenger.transaction() as session:
        assert take(session) is not None, "it is due now"


@pytest.mark.parametrize("listens", [True, False])
def test_the_end_of_a_job_looks_for_webhooks_only_where_there_are_some(messenger: Messenger, listens: bool) -> None:
    if listens:
        endpoint(messenger, "https://example.org/")
    claim, asked = running(messenger), list[str]()
    event.listen(messenger.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    assert len([one for one in asked if "FROM webhook_endpoints JOIN" in one]) == listens
    assert len(deliveries(messenger)) == listens


def test_no_certificates_are_read_before_a_request_needs_them(receiver: RawServer) -> None:
    outgoing = Outgoing(allowed_by(["127.0.0.1"]))
    with outgoing.ask(Asked(receiver.url), Deadline(timedelta(seconds=20))) as found:
        assert found.status_code == 200
    assert "tls" not in vars(outgoing)
