"""A delivery is tried until it is taken, ten times at most, and an endpoint that takes none is disabled."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, update

from api_service.webhooks.endpoints import delete_endpoint
from shared.messaging.messenger import Messenger
from shared.models import WebhookDelivery, WebhookEndpoint
from shared.notifications.disabled_webhooks import tell_of_disabled
from shared.notifications.wording import title_of
from shared.outgoing.allowed import allowed_by
from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Asked, Outgoing
from shared.webhooks.due import take
from shared.webhooks.outcome import MOST_TRIES, PAUSES, Try, pause_after, write
from tests.notifications import completed, listens, told
from tests.raw_server import RawServer, answer, raw_server
from tests.webhooks import deliveries, endpoint, endpoint_row, make_due, only, taken_apart, verified
from worker_service.webhooks.sender import Deliveries


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


@pytest.mark.parametrize(
    ("status", "asked", "rests_s"),
    [
        ("429 Too Many Requests", "1800", 1800),
        ("503 Service Unavailable", "86400", 3600),
        ("429 Too Many Requests", "", 5),
        ("502 Bad Gateway", "", 5),
        ("504 Gateway Timeout", "soon", 5),
    ],
)
def test_one_that_has_too_much_is_sent_nothing_else_for_a_while(
    messenger: Messenger, sender: Deliveries, status: str, asked: str, rests_s: int
) -> None:
    with raw_server(answer(b"", status, Retry_After=asked)) as server:
        made = endpoint(messenger, server.url)
        for _ in range(3):
            completed(messenger)
        assert sender.deliver_all() == 1
        rests_until = endpoint_row(messenger, made.id).rests_until
        (tried,) = (one.last_tried_at for one in deliveries(messenger) if one.last_tried_at)
        assert rests_until is not None
        assert 0 <= (rests_until - tried).total_seconds() - rests_s < 2
        make_due(messenger)
        assert sender.deliver_all() == 1


def test_one_that_works_again_rests_no_longer(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"")) as server:
        made = endpoint(messenger, server.url, failures=1)
        for _ in range(2):
            completed(messenger)
        with messenger.transaction() as session:
            session.exec(update(WebhookEndpoint).values(rests_until=func.now()))
        assert sender.deliver_all() == 2
    assert endpoint_row(messenger, made.id).rests_until is None


def test_one_that_fails_in_another_way_is_sent_the_rest(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"", "500 Internal Server Error")) as server:
        endpoint(messenger, server.url)
        for _ in range(3):
            completed(messenger)
        assert sender.deliver_all() == 3


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
    assert [news.kind for news in told(messenger)] == ([] if is_enabled else ["webhook_disabled"])


def gone_by(messenger: Messenger, sender: Deliveries, **wanted: Any) -> WebhookEndpoint:
    """An endpoint that has answered 410, whose owner has another; `wanted` by channel, if anything is."""
    with raw_server(answer(b"", "410 Gone")) as server:
        if wanted:
            listens(messenger, in_app=[], **wanted)
        made = endpoint(messenger, f"{server.url}/secret-path")
        completed(messenger)
        assert sender.deliver_one()
    return made


def test_who_wants_to_hear_of_nothing_is_told_in_the_app_that_a_webhook_was_disabled(
    messenger: Messenger, sender: Deliveries
) -> None:
    made = gone_by(messenger, sender)
    (news,) = told(messenger)
    assert (news.kind, news.in_app, news.mail_owed, news.read_at) == ("webhook_disabled", True, False, None)
    host = made.url.removeprefix("http://").removesuffix("/secret-path")
    assert news.data == {"webhook_id": str(made.id), "host": host, "reason": "it answered 410"}
    assert title_of(news.kind, news.model_dump()) == f"Your webhook at {host} is disabled: it answered 410"


def test_who_asked_for_it_is_told_so_by_the_other_channels_too(
    messenger: Messenger, sender: Deliveries, receiver: RawServer
) -> None:
    another = endpoint(messenger, receiver.url, event_types=["notification.created"])
    gone_by(messenger, sender, webhook=["webhook_disabled"], email=["webhook_disabled"])
    assert [one.mail_owed for one in told(messenger)] == [False], "there is no address"
    assert sender.deliver_all() == 1
    assert verified(receiver.asked[0], another.secret)["data"]["kind"] == "webhook_disabled"


def test_one_that_is_disabled_already_is_told_of_no_more(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(answer(b"", "410 Gone")) as server:
        endpoint(messenger, server.url)
        for _ in range(2):
            completed(messenger)
        with messenger.transaction() as session:
            first, second = take(session), take(session)
        for taken in (first, second):
            assert taken
            with messenger.transaction() as session:
                write(session, taken, Try(1, 410), tell_of_disabled)
    assert len(told(messenger)) == 1


def test_a_success_ends_the_row_of_failures(messenger: Messenger, sender: Deliveries, receiver: RawServer) -> None:
    made = endpoint(messenger, receiver.url, failures=49)
    completed(messenger)
    sender.deliver_all()
    after = endpoint_row(messenger, made.id)
    assert (after.failures, after.failing_since) == (0, None)


def test_no_webhook_goes_into_our_own_network(messenger: Messenger, engine: Engine, receiver: RawServer) -> None:
    endpoint(messenger, receiver.url)
    completed(messenger)
    guarded = Deliveries(engine, Outgoing(allowed_by([])), threading.Event())
    assert guarded.deliver_all() == 1
    assert receiver.asked == []
    assert only(messenger).last_error == "the URL must begin with https://"


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


def test_no_certificates_are_read_before_a_request_needs_them(receiver: RawServer) -> None:
    outgoing = Outgoing(allowed_by(["127.0.0.1"]))
    with outgoing.ask(Asked(receiver.url), Deadline(timedelta(seconds=20))) as found:
        assert found.status_code == 200
    assert "tls" not in vars(outgoing)
