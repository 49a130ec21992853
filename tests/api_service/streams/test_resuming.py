"""An EventSource with a ticket goes on through restarts and breaks; nobody else can use the ticket that it used."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col
from websockets.sync.client import connect

from shared.accounts.keys import revoke_key
from shared.database.engine import transaction
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.messaging.messenger import Messenger
from shared.models import ApiKey, StreamTicket
from tests.api_service.conftest import bearer
from tests.api_service.serving import Served, closing, served, served_here
from tests.api_service.streams.event_source import EventSource
from tests.jobs import output, running, submitted
from tests.simulator.running import eventually

pytestmark = pytest.mark.system


@pytest.fixture
def api(environ: dict[str, str], key: str) -> Iterator[Served]:
    with served_here(environ, key) as started:
        yield started


@pytest.fixture
def process(environ: dict[str, str], key: str, tmp_path: Path) -> Iterator[Served]:
    """For tests that restart it."""
    with served(environ, key, tmp_path, program="tests.api_service.quick_api") as started:
        yield started


def ticket(api: Served) -> str:
    answer = httpx.post(f"http://{api.address}/api/v1/stream-tickets", headers=bearer(api.key))
    return str(answer.raise_for_status().json()["ticket"])


def events_url(api: Served, job_id: int, made: str, more: str = "") -> str:
    return f"http://{api.address}/api/v1/generation-jobs/{job_id}/events?ticket={made}{more}"


def cancel(messenger: Messenger, job_id: int) -> None:
    with messenger.transaction() as session:
        cancel_one(session, job_id)


def refused(url: str, last_event_id: str | None = None) -> bool:
    """Whether this is answered 401; an EventSource gives up for good then."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with httpx.stream("GET", url, headers=headers) as answer:
        assert answer.status_code in {200, 204, 401}
        return answer.status_code == 401


def resuming_id(source: EventSource) -> str:
    """The id that the browser has after the first event."""
    opened = source.message()
    assert opened.type == "opened"
    return opened.last_event_id


def test_an_event_source_goes_on_after_a_restart_and_stops_after_the_end(process: Served, messenger: Messenger) -> None:
    claim = running(messenger)
    with EventSource(events_url(process, claim.job.id, ticket(process))) as source:
        heard = list(source.messages("started"))
        process.restart()
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        heard += source.messages("completed")
        source.wait_until_closed()
    told = [message for message in heard if message.type != "opened"]
    assert [(message.type, message.json["sequence"]) for message in told] == [
        ("queued", 1),
        ("started", 2),
        ("completed", 3),
    ]
    assert [message.last_event_id.partition("-")[0] for message in heard] == ["0", "1", "2", "2", "3"]
    sent = [None if last is None else last.partition("-")[0] for last in source.requests]
    # While the API was away there may have been more tries; the last one is answered 204.
    assert (sent[0], set(sent[1:-1]), sent[-1]) == (None, {"2"}, "3")


@pytest.mark.landing
def test_it_goes_on_even_if_the_restart_came_before_the_first_event(process: Served, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with EventSource(events_url(process, job_id, ticket(process), "&last_event_id=1")) as source:
        assert resuming_id(source).startswith("1-")
        process.restart()
        assert resuming_id(source).startswith("1-")
        cancel(messenger, job_id)
        assert source.message().type == "cancelled"
        source.wait_until_closed()


def test_a_used_ticket_is_worth_nothing_to_whoever_reads_its_url(api: Served, messenger: Messenger) -> None:
    job_id, other_id = submitted(messenger), submitted(messenger)
    made = ticket(api)
    url = events_url(api, job_id, made)
    with EventSource(url) as source:
        secret = resuming_id(source).partition("-")[2]
        guesses = (None, "1", "0-", f"0-{'0' * 32}", f"{secret}", f"0-{secret}0")
        assert [last for last in guesses if not refused(url, last)] == []
        others = (
            events_url(api, other_id, made),
            events_url(api, job_id, made, "&previews=true"),
            events_url(api, job_id, made, "0"),
        )
        assert [other for other in others if not refused(other, f"0-{secret}")] == []
        with connect(f"ws://{api.address}/ws/jobs/{job_id}?ticket={made}") as without_key:
            assert closing(without_key)[0] == 4401
        cancel(messenger, job_id)
        assert list(source.messages("cancelled"))
        source.wait_until_closed()
    assert not refused(url, f"2-{secret}")


def test_the_newest_connection_is_the_only_one(api: Served, messenger: Messenger) -> None:
    url = events_url(api, submitted(messenger), ticket(api))
    with EventSource(url) as first:
        last = resuming_id(first)
        assert first.message().type == "queued"
        with httpx.stream("GET", url, headers={"Last-Event-ID": last}) as answer:
            assert answer.status_code == 200
            closed = first.message()
            assert (closed.type, closed.json) == ("closed", {"reason": "the stream was resumed on another connection"})


@pytest.mark.parametrize("what", [StreamTicket.expires_at, StreamTicket.resumable_until])
def test_after_a_long_pause_and_after_a_day_a_ticket_resumes_nothing(
    api: Served, messenger: Messenger, engine: Engine, what: Any
) -> None:
    claim = running(messenger)
    url = events_url(api, claim.job.id, ticket(api))
    with EventSource(url) as source:
        last = resuming_id(source)

    def has_ended() -> bool:
        with transaction(engine) as session:
            session.exec(update(StreamTicket).values({what: func.now()}))
        return refused(url, last)

    # Until the API has noticed that the client is gone, it renews the ticket.
    eventually(has_ended)


def revoke(engine: Engine, key_id: str) -> None:
    with transaction(engine) as session:
        revoke_key(session, key_id)


def expire(engine: Engine, key_id: str) -> None:
    with transaction(engine) as session:
        session.exec(update(ApiKey).where(col(ApiKey.id) == key_id).values(expires_at=func.now()))


@pytest.mark.parametrize("end", [revoke, expire])
def test_streams_end_with_their_key(
    api: Served, messenger: Messenger, engine: Engine, end: Callable[[Engine, str], None]
) -> None:
    job_id = submitted(messenger)
    reason = "the key was revoked or has expired"
    paths = (f"/ws/jobs/{job_id}", "/ws/jobs", f"/ws/jobs?job_ids={job_id}")
    with (
        api.watch(paths[0]) as one,
        api.watch(paths[1]) as all_mine,
        api.watch(paths[2]) as some,
        api.follow(f"/api/v1/generation-jobs/{job_id}/events") as following,
        EventSource(events_url(api, job_id, ticket(api))) as source,
    ):
        assert list(source.messages("queued"))
        end(engine, api.key.split("_")[1])
        assert [closing(socket) for socket in (one, all_mine, some)] == [(4401, reason)] * 3
        *_, last = following.until_the_end()
        assert (last["event"], last["data"]) == ("closed", {"reason": reason})
        assert source.message().json == {"reason": reason}
        source.wait_until_closed()
