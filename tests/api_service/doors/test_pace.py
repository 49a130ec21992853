"""Who shows no good key is answered at a pace, and one look at what is ready serves all who ask meanwhile."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Engine

from api_service.accounts.keyring import Keyring
from api_service.http.server.pace import LONGEST_WAIT_S, REMEMBERED, KeylessPace, Pace
from api_service.http.shared_answers.one_answer import OneAnswer
from api_service.refusals.refusal import Refusal
from tests.api_service.conftest import bearer


def test_a_few_at_once_are_free_and_then_each_waits_longer() -> None:
    pace = Pace(a_second=10, at_once=5)
    waits = []
    for _ in range(200):
        waits.append(pace.wait_s("here"))
        pace.count("here")
    assert waits[:5] == [0.0] * 5
    assert waits == sorted(waits)
    assert 0 < waits[10] < 1
    assert waits[-1] == LONGEST_WAIT_S
    assert pace.wait_s("elsewhere") == 0


def test_a_million_addresses_take_no_more_memory_than_some_thousand() -> None:
    pace = Pace()
    for number in range(REMEMBERED + 100):
        pace.count(str(number))
    assert len(pace.even_at) == REMEMBERED


class Services:
    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring


def ask(pace: Pace, state: dict[str, Any], **headers: str) -> None:
    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        if "identified" in scope["state"]:
            scope["state"]["identity"] = "somebody"

    async def story() -> None:
        sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "client": ("192.0.2.1", 7), "headers": sent, "state": state}
        await KeylessPace(app, pace)(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(story())


def test_only_requests_without_a_key_are_counted() -> None:
    pace = Pace()
    ask(pace, {"identified": True})
    assert not pace.even_at
    ask(pace, {})
    assert list(pace.even_at) == ["192.0.2.1"]


def test_a_key_that_was_good_does_not_wait_for_others_behind_the_same_address(engine: Engine, key: str) -> None:
    keyring = Keyring(engine)
    pace = Pace(a_second=0.001, at_once=1)  # whoever must wait, waits for the whole test
    for _ in range(5):
        pace.count("192.0.2.1")
    keyring.identify(f"Bearer {key}")
    ask(pace, {"services": Services(keyring), "identified": True}, **bearer(key))
    assert not keyring.was_good("Bearer gn_abc_def")
    assert not keyring.was_good(f"Bearer {key}x")
    assert not keyring.was_good(None)


def test_a_key_that_is_good_no_more_waits_as_the_others_do(engine: Engine, key: str) -> None:
    keyring = Keyring(engine)
    keyring.identify(f"Bearer {key}")
    with pytest.raises(Refusal):
        keyring.identify(f"Bearer {key}x")
    assert not keyring.was_good(f"Bearer {key}x")


def test_all_who_ask_at_once_get_one_answer_and_those_who_come_later_the_next() -> None:
    looks = iter(range(10))

    async def look() -> int:
        await asyncio.sleep(0)
        return next(looks)

    async def story() -> None:
        kept: OneAnswer[int] = OneAnswer(look, kept_s=60)
        assert await asyncio.gather(*(kept.get() for _ in range(100))) == [0] * 100
        fresh: OneAnswer[int] = OneAnswer(look, kept_s=0)
        assert [await fresh.get(), await fresh.get()] == [1, 2]

    asyncio.run(story())


def test_who_hangs_up_does_not_take_the_answer_from_the_others() -> None:
    async def story() -> None:
        is_known = asyncio.Event()

        async def look() -> str:
            await is_known.wait()
            return "ready"

        kept = OneAnswer(look, kept_s=60)
        first, second = (asyncio.create_task(kept.get()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        is_known.set()
        assert await second == "ready"

    asyncio.run(story())


@pytest.mark.parametrize(("took_s", "kept_s"), [(0.1, 1), (2, 10), (60, 30)])
def test_what_takes_long_to_find_is_kept_longer(took_s: float, kept_s: float) -> None:
    now, looked_at = [0.0], list[float]()

    async def look() -> None:
        looked_at.append(now[0])
        now[0] += took_s

    async def story() -> None:
        answer = OneAnswer(look, kept_s=1, rest=5, clock=lambda: now[0])
        for later_s in (0, took_s + kept_s - 0.01, took_s + kept_s):
            now[0] = later_s
            await answer.get()

    asyncio.run(story())
    assert looked_at == [0, took_s + kept_s]


def test_an_error_is_told_and_not_kept() -> None:
    answers = iter([ValueError("away"), None])

    async def look() -> str:
        if error := next(answers):
            raise error
        return "ready"

    async def story() -> None:
        kept = OneAnswer(look, kept_s=0)
        with pytest.raises(ValueError, match="away"):
            await kept.get()
        assert await kept.get() == "ready"

    asyncio.run(story())
