"""Receivers that drag on, lie about their length, change where they are, or are away for an hour."""

import socket
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import DeliveryState
from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from tests.another_clock import set_clock
from tests.notifications import completed
from tests.raw_server import RawServer, playing, raw_server
from tests.webhooks import TAKEN, deliveries, endpoint, endpoint_row, make_due, only, taken_apart, verified
from worker_service.webhooks import sender as sending
from worker_service.webhooks.sender import Deliveries

AN_HOUR, A_MOMENT = timedelta(hours=1), timedelta(seconds=0.3)
HEAD = b"HTTP/1.1 200 OK\r\n"


def dragging(connection: socket.socket, begin: bytes) -> None:
    """A byte at a time, so that no single wait is long."""
    pause = threading.Event()
    connection.sendall(begin)
    while True:
        connection.sendall(b"1")
        pause.wait(0.02)


def dragging_in_its_head(connection: socket.socket) -> None:
    dragging(connection, HEAD + b"X-Y: ")


def dragging_in_its_body(connection: socket.socket) -> None:
    dragging(connection, HEAD + b"Content-Length: 1000000\r\n\r\n")


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an answer had to come within a moment."""
    monkeypatch.setattr(sending, "ANSWERS_WITHIN", A_MOMENT)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("say", [dragging_in_its_head, silent])
def test_one_that_says_nothing_in_time_is_tried_again(
    messenger: Messenger, sender: Deliveries, say: Callable[[socket.socket], None]
) -> None:
    with raw_server(say) as server:
        endpoint(messenger, server.url)
        completed(messenger)
        assert sender.deliver_all() == 1
    kept = only(messenger)
    assert (kept.state, kept.tries, kept.last_status) == (DeliveryState.PENDING, 1, None)
    assert "0.3 s" in (kept.last_error or "")


@pytest.mark.usefixtures("hasty")
def test_one_that_has_said_its_status_may_drag_on(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(dragging_in_its_body) as server:
        made = endpoint(messenger, server.url, failures=3)
        completed(messenger)
        assert sender.deliver_all() == 1
    kept = only(messenger)
    assert (kept.state, kept.last_status) == (DeliveryState.DELIVERED, 200)
    assert "0.3 s" in (kept.last_error or "")
    assert set(kept.last_answer or "") == {"1"}
    assert endpoint_row(messenger, made.id).failures == 0


@pytest.mark.parametrize(
    ("said", "shown", "is_whole"),
    [
        (b"Content-Length: 1000\r\n\r\nshort", "short", False),
        (b"Content-Length: 99999999999999999999\r\n\r\nshort", "short", False),
        (b"Content-Length: 2\r\n\r\nlonger than that", "lo", True),
        (b"Content-Length: -5\r\n\r\nless than none", "less than none", True),
        (b"Content-Length: many\r\n\r\nno number", "no number", True),
        (b"Transfer-Encoding: chunked\r\n\r\nffffff\r\nshort", "short", False),
        (b"Transfer-Encoding: chunked\r\n\r\nno chunk", None, False),
    ],
)
def test_whatever_one_says_of_its_length_the_status_counts(
    messenger: Messenger, sender: Deliveries, said: bytes, shown: str | None, is_whole: bool
) -> None:
    with raw_server(HEAD + said) as server:
        endpoint(messenger, server.url)
        completed(messenger)
        assert sender.deliver_all() == 1
    kept = only(messenger)
    assert (kept.state, kept.last_status, kept.last_answer) == (DeliveryState.DELIVERED, 200, shown)
    assert (kept.last_error is None) is is_whole


def test_one_that_is_gone_is_disabled_though_it_lies_about_its_length(messenger: Messenger, sender: Deliveries) -> None:
    with raw_server(b"HTTP/1.1 410 Gone\r\nContent-Length: 1000\r\n\r\nshort") as server:
        made = endpoint(messenger, server.url)
        completed(messenger)
        sender.deliver_all()
    assert only(messenger).state is DeliveryState.FAILED
    assert not endpoint_row(messenger, made.id).enabled


@pytest.mark.parametrize("second", [["127.0.0.1"], ["::1"], ["93.184.216.34", "127.0.0.1"]])
def test_one_whose_name_leads_here_at_the_second_look_up_is_not_asked(
    messenger: Messenger, engine: Engine, receiver: RawServer, second: list[str]
) -> None:
    looked_up: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        return [] if len(looked_up) == 1 else second

    guarded = Deliveries(engine, Outgoing(allowed_by([]), resolve=resolve), threading.Event())
    endpoint(messenger, "https://rebinding.example/hook")
    completed(messenger)
    for _ in range(2):
        make_due(messenger)
        assert guarded.deliver_all() == 1
    assert looked_up == ["rebinding.example"] * 2, "once for each try"
    assert (receiver.asked, only(messenger).tries) == ([], 2)
    assert "public addresses only" in (only(messenger).last_error or "")


class TestAwayForAnHour:
    """The database's clock goes on by an hour meanwhile; at the end it is right again, and signatures are good."""

    @pytest.fixture
    def database_url(self, own_database: str) -> str:
        return own_database

    def test_what_it_missed_comes_once_it_is_back_each_with_the_id_it_had(
        self, messenger: Messenger, sender: Deliveries, settings: Settings
    ) -> None:
        is_away = threading.Event()

        def play(connection: socket.socket, _heard: bytes) -> None:
            connection.sendall(b"" if is_away.is_set() else TAKEN)

        def the_clock_is(ahead: timedelta) -> None:
            set_clock(settings.database_url, ahead)
            messenger.engine.dispose()
            sender.engine.dispose()

        with playing(play) as server:
            made = endpoint(messenger, server.url)
            is_away.set()
            for minutes in (-60, -59, -50):
                the_clock_is(timedelta(minutes=minutes))
                if minutes == -60:
                    for _ in range(3):
                        completed(messenger)
                sender.deliver_all()
            assert sorted(one.tries for one in deliveries(messenger)) == [3, 3, 3]
            the_clock_is(timedelta(minutes=-40))
            assert sender.deliver_all() == 0, "the fourth try is half an hour after the third"
            the_clock_is(timedelta())
            missed = list(server.asked)
            is_away.clear()
            assert sender.deliver_all() == 3
            assert [one.state for one in deliveries(messenger)] == [DeliveryState.DELIVERED] * 3
            came = server.asked[len(missed) :]
        assert len({verified(request, made.secret)["data"]["job_id"] for request in came}) == 3
        ids = [[taken_apart(request)[0]["webhook-id"] for request in requests] for requests in (missed, came)]
        assert set(ids[0]) == set(ids[1])
        assert len(ids[1]) == 3
        assert endpoint_row(messenger, made.id).failures == 0
