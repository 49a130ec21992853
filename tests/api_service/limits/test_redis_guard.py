"""A Redis that is away or hangs: how often it is asked, and that it is asked again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import redis
from anyio import CapacityLimiter
from sqlalchemy import QueuePool
from sqlmodel import select
from structlog.testing import capture_logs

from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.assets.keeping import Shelf
from api_service.fleet.capability_cache import CapabilityReader
from api_service.limits.key_limits import KeyLimits
from api_service.limits.open_streams import OpenStreams
from api_service.limits.rates import Ask, Limit, Rate, RateCounter, Window
from api_service.limits.redis_guard import WAIT_S, RedisGuard
from api_service.limits.waiting_jobs import WaitingJobs
from api_service.submit.job_request import JobRequest
from api_service.submit.quarantine import Quarantine
from api_service.submit.submit import Acceptance, Submission, submit
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.messaging.redis_away import PAUSE_S
from shared.messaging.redis_clients import counting_client
from shared.models import GenerationJob, Scope
from shared.storage.opening import open_storage
from tests.api_service.limits.monitoring import commands_until_the_end
from tests.jobs import USER
from tests.simulator.graphs import txt2img

REQUESTS = Limit.REQUESTS_PER_MINUTE
A_WHILE_S = 1.0  # redis swallows a cancel that meets it while it connects, so this is waited for
LONG_S = 30.0  # where Redis is there it answers, however slow the machine is


class Hung:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.connections = 0
        self.met = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.met.set()
        await reader.read()
        writer.close()


@contextlib.asynccontextmanager
async def hung_server() -> AsyncIterator[tuple[Hung, int]]:
    hung = Hung()
    server = await asyncio.start_server(hung.take, "127.0.0.1", 0)
    try:
        yield hung, server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def counter(url: str, namespace: str, wait_s: float = LONG_S) -> AsyncIterator[RateCounter]:
    client = counting_client(url, wait_s=wait_s)
    yield RateCounter(client, namespace, RedisGuard(wait_s))
    await client.aclose()


async def count(rates: RateCounter, most: int, cost: int = 1) -> Rate | None:
    found = await rates.count("key", Ask(REQUESTS, most, cost))
    return found[0] if found else None


def test_a_redis_that_hangs_is_asked_once_a_second_however_many_ask() -> None:
    async def story() -> None:
        async with hung_server() as (hung, port), counter(f"redis://127.0.0.1:{port}/0", "x", WAIT_S) as rates:
            began = time.monotonic()
            assert await count(rates, 1) is None
            while hung.connections < 3:
                assert set(await asyncio.gather(*(count(rates, 1) for _ in range(10)))) == {None}
                await asyncio.sleep(0.01)
            assert hung.connections <= 2 + (time.monotonic() - began) / PAUSE_S

    asyncio.run(story())


def test_limits_are_kept_again_once_redis_is_back_and_both_are_logged(settings: Settings) -> None:
    async def story() -> None:
        guard = RedisGuard(LONG_S)
        nowhere, here = (counting_client(url, wait_s=LONG_S) for url in ("redis://127.0.0.1:9/0", settings.redis_url))
        away, back = (RateCounter(client, settings.redis_ns, guard) for client in (nowhere, here))
        assert await count(away, 5) is None
        assert await count(away, 5) is None
        guard.silent_until = 0
        rate = await count(back, 5)
        assert rate
        assert (rate.granted, rate.remaining) == (True, 4)
        for client in (nowhere, here):
            await client.aclose()

    with capture_logs() as logs:
        asyncio.run(story())
    assert [log["event"] for log in logs] == ["limits.not_kept", "limits.kept_again"]


def test_of_many_at_once_no_more_are_granted_than_may_be(settings: Settings) -> None:
    async def story() -> None:
        async with counter(settings.redis_url, settings.redis_ns) as rates:
            found = await asyncio.gather(*(count(rates, 7) for _ in range(15)))
            assert sum(rate is not None and rate.granted for rate in found) == 7

    asyncio.run(story())


def test_several_are_granted_together_or_not_at_all(settings: Settings) -> None:
    async def story() -> None:
        async with counter(settings.redis_url, settings.redis_ns) as rates:
            asked = [await count(rates, 10, cost) for cost in (6, 6, 4, 11)]
            assert [rate and (rate.granted, rate.remaining) for rate in asked] == [
                (True, 4),
                (False, 4),
                (True, 0),
                (False, 0),
            ]

    asyncio.run(story())


def test_a_count_is_one_question_to_redis(settings: Settings, redis_client: redis.Redis) -> None:
    async def story() -> None:
        async with counter(settings.redis_url, settings.redis_ns) as rates:
            for _ in range(4):
                assert await count(rates, 3)

    asyncio.run(story())  # Redis knows the script from now on
    with redis_client.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis leaves it untyped
        asyncio.run(story())
        redis_client.echo("the end")
        commands = [command.split()[0] for command in commands_until_the_end(monitor, settings.redis_ns)]
    assert commands.count("EVALSHA") == 4
    assert set(commands) <= {"EVALSHA", "HELLO", "CLIENT", "SELECT"}


def test_a_window_that_has_passed_counts_less_and_less_and_then_not_at_all(
    settings: Settings, redis_client: redis.Redis
) -> None:
    def let_pass(seconds: int) -> None:
        for name in redis_client.scan_iter(match=f"{settings.redis_ns}:limits:rates:*"):
            left: Any = redis_client.pttl(name)
            redis_client.pexpire(name, max(1, left - seconds * 1000))

    async def story() -> list[tuple[bool, int]]:
        found = []
        async with counter(settings.redis_url, settings.redis_ns) as rates:
            for seconds, cost in ((0, 8), (61, 1), (30, 1), (28, 1), (40, 1), (90, 1)):
                let_pass(seconds)
                rate = await count(rates, 10, cost)
                assert rate
                found.append((rate.granted, 10 - rate.remaining))
        return found

    # Of the 8, 7 count after 61 s, 3 after 91 s and none after 119 s. Of the 3 after them, 1 counts after 98 s.
    assert asyncio.run(story()) == [(True, 8), (True, 8), (True, 5), (True, 3), (True, 2), (True, 1)]


def test_a_submission_that_waits_for_redis_holds_nothing_of_the_database(
    settings: Settings, messenger: Messenger
) -> None:
    pool = messenger.engine.pool
    assert isinstance(pool, QueuePool)

    async def story() -> None:
        async with hung_server() as (hung, port), counter(f"redis://127.0.0.1:{port}/0", "x", A_WHILE_S) as rates:
            client = counting_client(settings.redis_url, wait_s=LONG_S)
            streams = OpenStreams(client, settings.redis_ns, RedisGuard(LONG_S))
            limits = KeyLimits(settings, rates, streams, WaitingJobs())
            shelf = Shelf(messenger.engine, open_storage(settings).store, 1000, None)
            capabilities, threads = CapabilityReader(messenger.engine), CapacityLimiter(1)
            acceptance = Acceptance(messenger, capabilities, limits, threads, shelf, Quarantine(messenger.engine))
            identity = Identity(USER, "key", frozenset(Scope), {})
            task = asyncio.create_task(
                submit(acceptance, Submission([JobRequest(txt2img())], Charge(identity), USER, "1"))
            )
            await hung.met.wait()
            assert pool.checkedout() == 0
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await client.aclose()

    asyncio.run(story())
    with messenger.transaction() as session:
        assert not session.exec(select(GenerationJob)).all()


def test_the_wait_ends_when_enough_has_faded() -> None:
    assert Window(60, before=0, before_s=0, now=3, now_s=30).wait_s(5, 2) == 0
    # 10 of before fade in 60 s, one every 6; 2 more fit when fewer than 4 of them count.
    assert Window(60, before=10, before_s=60, now=1, now_s=60).wait_s(6, 2) == 36
    # Full by this window alone: it must end, and a fifth of it fade.
    assert Window(60, before=0, before_s=0, now=5, now_s=30).wait_s(5, 2) == 30 + 60 * 0.2
    assert Window(60, before=0, before_s=0, now=0, now_s=0).wait_s(5, 6) == 60
    assert Rate(REQUESTS, 5, False, Window(60, 0, 0, 5, 30), 1).retry_after_s == 31
