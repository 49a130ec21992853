"""The open streams of a key are counted in Redis, and fade with a process that died."""

import asyncio
import contextlib
import time

import redis

from api_service.limits.open_streams import OpenStreams
from api_service.limits.redis_guard import RedisGuard
from shared.configuration.settings import Settings
from shared.messaging.redis_clients import counting_client

LONG_S = 30.0  # where Redis is there it answers, however slow the machine is


def streams_of(settings: Settings) -> tuple[redis.asyncio.Redis, OpenStreams]:
    client = counting_client(settings.redis_url, wait_s=LONG_S)
    return client, OpenStreams(client, settings.redis_ns, RedisGuard(LONG_S))


def test_no_more_streams_are_open_at_once_than_may_be(settings: Settings, redis_client: redis.Redis) -> None:
    async def story() -> None:
        client, streams = streams_of(settings)
        async with streams.opened("a", 2) as first, streams.opened("a", 2) as second:
            assert first
            assert second
            async with streams.opened("a", 2) as third, streams.opened("b", 2) as anothers:
                assert not third
                assert anothers
        async with streams.opened("a", 1) as again:
            assert again
        await client.aclose()

    asyncio.run(story())
    assert not list(redis_client.scan_iter(match=f"{settings.redis_ns}:limits:streams:*"))


def test_a_stream_whose_task_is_cancelled_is_no_longer_open(settings: Settings, redis_client: redis.Redis) -> None:
    async def story() -> None:
        client, streams = streams_of(settings)
        opened = asyncio.Event()

        async def watch() -> None:
            async with streams.opened("a", 1):
                opened.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(watch())
        await opened.wait()
        assert redis_client.zcard(f"{settings.redis_ns}:limits:streams:a") == 1
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await client.aclose()

    asyncio.run(story())
    assert redis_client.zcard(f"{settings.redis_ns}:limits:streams:a") == 0


def test_streams_of_a_process_that_died_fade_and_those_that_live_are_renewed(
    settings: Settings, redis_client: redis.Redis
) -> None:
    name = f"{settings.redis_ns}:limits:streams:a"

    async def story() -> None:
        client, streams = streams_of(settings)
        redis_client.zadd(name, {"of a process that died": 1})
        async with streams.opened("a", 1) as admitted:
            assert admitted
            (stream,) = streams.held
            redis_client.zadd(name, {stream: 1})
            await streams.renew()
            async with streams.opened("a", 1) as second:
                assert not second
        await client.aclose()

    asyncio.run(story())
    assert redis_client.zcard(name) == 0


def test_a_stream_opened_while_redis_was_away_is_counted_once_it_is_back(settings: Settings) -> None:
    async def story() -> None:
        client, streams = streams_of(settings)
        streams.guard.silent_until = time.monotonic() + 3600
        async with streams.opened("a", 0) as admitted:
            assert admitted
            streams.guard.silent_until = 0
            await streams.renew()
            async with streams.opened("a", 1) as second:
                assert not second
        await client.aclose()

    asyncio.run(story())
