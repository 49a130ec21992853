"""A ticket opens one stream, within a minute, for whoever asked for it; a key in a URL opens none."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col, select
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api_service.accounts.identity import Identity
from api_service.accounts.keyring import Keyring
from api_service.main import create_app
from api_service.refusals.refusal import Refusal
from api_service.streams.tickets import Tickets, TicketTimings
from shared.accounts.keys import revoke_key
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.messaging.messenger import Messenger
from shared.models import Scope, StreamTicket
from tests.api_service.conftest import bearer, new_key
from tests.jobs import USER, submitted
from worker_service.scheduler.sweeps import remove_expired_tickets

URL = "/api/v1/stream-tickets"


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    """A client that sends no key by itself."""
    with TestClient(create_app(settings)) as client:
        yield client


def ticket(client: TestClient, key: str) -> str:
    response = client.post(URL, headers=bearer(key))
    assert response.status_code == 201
    return str(response.json()["ticket"])


def opened(client: TestClient, job_id: int, query: str, key: str | None = None) -> str:
    """What the socket says first: the type of what it tells, or why it closes."""
    headers = bearer(key) if key else {}
    try:
        with client.websocket_connect(f"/ws/jobs/{job_id}?{query}", headers=headers) as socket:
            return str(socket.receive_json()["type"])
    except WebSocketDisconnect as closed:
        return f"{closed.code} {closed.reason}"


def test_a_ticket_opens_one_stream_and_no_second(browser: TestClient, key: str, messenger: Messenger) -> None:
    job_id, made = submitted(messenger), ticket(browser, key)
    assert opened(browser, job_id, f"ticket={made}") == "snapshot"
    assert opened(browser, job_id, f"ticket={made}").startswith("4401 the ticket is unknown, expired or already used")


def test_a_ticket_is_good_for_a_minute_and_says_so(browser: TestClient, key: str) -> None:
    before = datetime.now(UTC)
    response = browser.post(URL, headers=bearer(key))
    until = datetime.fromisoformat(response.json()["expires_at"])
    assert before + timedelta(minutes=1) <= until <= datetime.now(UTC) + timedelta(minutes=1)
    assert response.headers["cache-control"] == "no-store"


def test_a_ticket_that_is_too_old_opens_nothing(
    browser: TestClient, key: str, messenger: Messenger, engine: Engine
) -> None:
    made = ticket(browser, key)
    with transaction(engine) as session:
        session.exec(update(StreamTicket).values(expires_at=func.now()))
    assert opened(browser, submitted(messenger), f"ticket={made}").startswith("4401")


def test_a_ticket_is_worth_no_more_than_its_key(
    browser: TestClient, key: str, messenger: Messenger, engine: Engine
) -> None:
    job_id = submitted(messenger)
    anothers = ticket(browser, new_key(engine, another=True))
    assert opened(browser, job_id, f"ticket={anothers}").startswith("4404")
    made = ticket(browser, key)
    admin = new_key(engine, Scope.ADMIN)
    assert browser.post(f"/api/v1/keys/{key.split('_')[1]}/revoke", headers=bearer(admin)).status_code == 200
    assert opened(browser, job_id, f"ticket={made}").startswith("4401 the key was revoked")


def test_only_the_hash_of_a_ticket_is_kept(browser: TestClient, key: str, engine: Engine) -> None:
    made = ticket(browser, key)
    with transaction(engine) as session:
        (row,) = session.exec(select(StreamTicket)).all()
    assert row.secret_hash == hashlib.sha256(made.encode()).digest()
    assert row.key_id == key.split("_")[1]


def test_a_key_in_a_url_is_refused_even_beside_a_good_header(
    browser: TestClient, key: str, messenger: Messenger
) -> None:
    job_id = submitted(messenger)
    for query in (f"ticket={key}", f"key={key}", f"token={key}", f"anything={key}", "access_token=x", "ticket=gn_a_b"):
        for header in (None, key):
            assert opened(browser, job_id, query, header).startswith("4401 keys are not taken from URLs"), query


@pytest.mark.parametrize("query", ["", "ticket=", "ticket=nonsense", "ticket=a&ticket=b", "ticket=%00"])
def test_what_is_no_ticket_opens_nothing(browser: TestClient, messenger: Messenger, query: str) -> None:
    assert opened(browser, submitted(messenger), query).startswith("4401")


@pytest.fixture
def tickets(engine: Engine) -> Tickets:
    return Tickets(engine, Keyring(engine), TicketTimings())


@pytest.mark.parametrize("way", [Tickets.redeem, lambda tickets, made: tickets.open(made, "/a-stream?")])
def test_of_many_who_come_with_one_ticket_at_once_one_is_let_in(
    tickets: Tickets, key: str, way: Callable[[Tickets, str], Identity]
) -> None:
    made = tickets.issue(tickets.keyring.identify(f"Bearer {key}")).ticket

    def redeemed(_: int) -> bool:
        try:
            return way(tickets, made).user_id == USER
        except Refusal:
            return False

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(redeemed, range(10))) == [False] * 9 + [True]


def test_tickets_that_expired_are_removed_and_no_others(engine: Engine, browser: TestClient, key: str) -> None:
    expired, good = ticket(browser, key), ticket(browser, key)
    with transaction(engine) as session:
        old = col(StreamTicket.secret_hash) == hashlib.sha256(expired.encode()).digest()
        session.exec(update(StreamTicket).where(old).values(expires_at=func.now()))
    assert remove_expired_tickets(engine) == 1
    assert remove_expired_tickets(engine) == 0
    with transaction(engine) as session:
        (left,) = session.exec(select(StreamTicket)).all()
    assert left.secret_hash == hashlib.sha256(good.encode()).digest()


def test_a_ticket_of_a_key_that_another_process_revoked_is_refused(engine: Engine, tickets: Tickets, key: str) -> None:
    made = Tickets(engine, Keyring(engine), TicketTimings()).issue(Keyring(engine).identify(f"Bearer {key}")).ticket
    with transaction(engine) as session:
        revoke_key(session, key.split("_")[1])
    with pytest.raises(Refusal, match="revoked"):
        tickets.redeem(made)
