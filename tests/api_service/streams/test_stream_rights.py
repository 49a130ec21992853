"""One look for all open streams says whose key ended; while none is open, nothing is asked."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, update
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from api_service.accounts.keyring import Keyring
from api_service.beside import kept_going
from api_service.streams.rights import Rights, end_streams_without_right
from api_service.streams.tickets import Tickets, TicketTimings
from api_service.streams.timings import StreamTimings
from api_service.streams.watch import Holder, KeyEnded, Resumed, Watch
from shared.accounts.keys import revoke_key
from shared.database.engine import transaction
from shared.models import StreamTicket
from tests.api_service.conftest import new_key

OFTEN = StreamTimings(rights_check_s=0.01)
STREAM = "/api/v1/generation-jobs/7/events?"


def inline(work: Callable[..., Any], *args: Any) -> Any:
    return work(*args)


def key_id(key: str) -> str:
    return key.split("_")[1]


@pytest.fixture
def tickets(engine: Engine) -> Tickets:
    return Tickets(engine, Keyring(engine), TicketTimings())


@pytest.fixture
def rights(engine: Engine) -> Rights:
    return Rights(engine, inline, StreamTimings())


def issued(tickets: Tickets, key: str) -> str:
    return tickets.issue(tickets.keyring.identify(f"Bearer {key}")).ticket


def row(engine: Engine) -> StreamTicket:
    with transaction(engine) as session:
        return session.exec(select(StreamTicket)).one()


def set_expiry(engine: Engine, **values: Any) -> None:
    with transaction(engine) as session:
        session.exec(update(StreamTicket).values(**values))


def test_one_question_ends_the_streams_of_every_key_that_ended_and_no_others(engine: Engine, key: str) -> None:
    questions: list[frozenset[Holder]] = []
    ended, good = Holder(key_id(new_key(engine))), Holder(key_id(key))
    with transaction(engine) as session:
        revoke_key(session, ended.key_id)

    async def run(work: Callable[..., Any], holders: set[Holder]) -> Any:
        questions.append(frozenset(holders))
        return work(holders)

    async def story() -> None:
        missed = asyncio.Event()
        watches = [Watch(missed, holder) for holder in (ended, ended, good)] + [Watch(missed)]
        looking = asyncio.create_task(end_streams_without_right(watches, Rights(engine, run, OFTEN)))
        for watch in watches[:2]:
            with pytest.raises(KeyEnded):
                await watch.next()
        looking.cancel()
        assert [watch.why for watch in watches[2:]] == [None, None]

    asyncio.run(story())
    assert questions[0] == {ended, good}


def test_nothing_is_asked_while_no_stream_is_open(engine: Engine) -> None:
    class Watches:
        """Nobody watches; and somebody waits for this to be seen a few times."""

        def __init__(self) -> None:
            self.looks = asyncio.Semaphore(0)

        def __iter__(self) -> Iterator[Watch]:
            self.looks.release()
            return iter([Watch(asyncio.Event())])  # one without a key, as a request that waits for its job has

    asked: list[object] = []

    async def story() -> None:
        watches = Watches()
        looking = asyncio.create_task(end_streams_without_right(watches, Rights(engine, asked.append, OFTEN)))
        for _ in range(5):
            await watches.looks.acquire()
        looking.cancel()

    asyncio.run(story())
    assert asked == []


def test_a_stream_goes_on_while_the_database_is_away(engine: Engine, key: str) -> None:
    holder = Holder(key_id(new_key(engine)))
    answers = iter([OperationalError("", {}, Exception("away"))])
    with transaction(engine) as session:
        revoke_key(session, holder.key_id)

    async def run(work: Callable[..., Any], holders: set[Holder]) -> Any:
        for away in answers:
            raise away
        return work(holders)

    async def story() -> None:
        watch = Watch(asyncio.Event(), holder)
        looking = asyncio.create_task(end_streams_without_right([watch], Rights(engine, run, OFTEN)))
        with pytest.raises(KeyEnded):
            await watch.next()
        looking.cancel()

    asyncio.run(story())
    assert next(answers, None) is None


def test_a_mistake_in_a_look_ends_no_more_than_that_look(engine: Engine, key: str) -> None:
    holder = Holder(key_id(new_key(engine)))
    mistakes = iter([KeyError("something nobody thought of")])
    with transaction(engine) as session:
        revoke_key(session, holder.key_id)

    async def run(work: Callable[..., Any], holders: set[Holder]) -> Any:
        for mistake in mistakes:
            raise mistake
        return work(holders)

    async def story() -> None:
        watch = Watch(asyncio.Event(), holder)
        work = partial(end_streams_without_right, [watch], Rights(engine, run, OFTEN))
        looking = asyncio.create_task(kept_going(work))
        with pytest.raises(KeyEnded):
            await watch.next()
        looking.cancel()

    asyncio.run(story())


def test_a_ticket_lives_as_long_as_its_stream_up_to_its_greatest_age(
    engine: Engine, key: str, tickets: Tickets, rights: Rights
) -> None:
    opened = tickets.open(issued(tickets, key), STREAM)
    holder = Holder(opened.key_id, opened.ticket_hash, opened.connection)
    set_expiry(engine, expires_at=datetime.now(UTC) + timedelta(seconds=1))
    assert rights.look([holder]) == {}
    assert row(engine).expires_at - datetime.now(UTC) > timedelta(minutes=1)
    limit = datetime.now(UTC) + timedelta(seconds=30)
    set_expiry(engine, expires_at=datetime.now(UTC) + timedelta(seconds=1), resumable_until=limit)
    assert rights.look([holder]) == {}
    assert row(engine).expires_at == limit


def test_a_row_that_will_not_expire_soon_is_not_written(
    engine: Engine, key: str, tickets: Tickets, rights: Rights
) -> None:
    opened = tickets.open(issued(tickets, key), STREAM)
    later = datetime.now(UTC) + timedelta(minutes=1.2)
    set_expiry(engine, expires_at=later)
    rights.look([Holder(opened.key_id, opened.ticket_hash, opened.connection)])
    assert row(engine).expires_at == later


def test_a_stream_that_was_resumed_elsewhere_ends_here(
    engine: Engine, key: str, tickets: Tickets, rights: Rights
) -> None:
    made = issued(tickets, key)
    opened = tickets.open(made, STREAM)
    resumed = tickets.resume(made, STREAM, opened.resume_secret)
    older, newest = (Holder(one.key_id, one.ticket_hash, one.connection) for one in (opened, resumed))
    lost = rights.look([older, newest])
    assert {holder: type(why) for holder, why in lost.items()} == {older: Resumed}


def test_neither_secret_is_kept(engine: Engine, key: str, tickets: Tickets) -> None:
    made = issued(tickets, key)
    opened = tickets.open(made, STREAM)
    kept = [value for value in row(engine).model_dump().values() if isinstance(value, bytes)]
    assert all(len(value) == 32 for value in kept)
    assert not [value for value in kept if value.hex() in made or value.hex() in opened.resume_secret]


def test_an_expired_ticket_does_not_end_a_stream(engine: Engine, key: str, tickets: Tickets, rights: Rights) -> None:
    opened = tickets.open(issued(tickets, key), STREAM)
    set_expiry(engine, expires_at=func.now(), resumable_until=func.now())
    assert rights.look([Holder(opened.key_id, opened.ticket_hash, opened.connection)]) == {}
