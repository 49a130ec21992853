"""A connection to Redis that has gone dead without a word is given up for a new one, and one that answers is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from api_service.streams.relay import Relay
from api_service.streams.stream_queries import DatabaseRows
from api_service.streams.timings import StreamTimings
from deploy.local.valkey import Valkey
from shared.configuration.settings import Settings, load_settings
from shared.messaging.events import Channels
from shared.messaging.messenger import Messenger
from shared.messaging.opening import open_messenger
from shared.messaging.redis_clients import listening_client
from tests.api_service.streams.test_websocket import progress
from tests.chaos.proxy import Link, links
from tests.jobs import running
from tests.simulator.running import eventually

pytestmark = pytest.mark.system

PATIENCE_S = 60.0
OFTEN_S = 0.05  # a connection that says nothing is asked after so long
HOUR_S = 3600.0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey.start(tmp_path / "valkey", tmp_path / "valkey.log") as valkey:
        yield valkey


@pytest.fixture
def link(valkey: Valkey) -> Iterator[Link]:
    """What lies between the relay and Redis."""
    with links() as make:
        yield make(valkey.port)


@pytest.fixture
def messenger(engine: Engine, environ: dict[str, str], valkey: Valkey) -> Iterator[Messenger]:
    """A messenger that tells this Redis, and knows no link."""
    settings = load_settings({**environ, "REDIS_URL": valkey.url()})
    messenger = open_messenger(engine, settings)
    yield messenger
    messenger.close()


@asynccontextmanager
async def relaying(
    engine: Engine, settings: Settings, link: Link, *, silent_s: float, previews_after_s: float = 0.1
) -> AsyncIterator[Relay]:
    """A relay that has heard from Redis."""
    timings = StreamTimings(redis_silence_s=silent_s, previews_after_s=previews_after_s)
    client = listening_client(f"redis://127.0.0.1:{link.port}/0", asked_every_s=OFTEN_S)
    relay = Relay(client, Channels(settings.redis_ns), timings)
    task = asyncio.create_task(relay.run(DatabaseRows(engine, asyncio.to_thread)))
    try:
        await relay.missed.wait()
        yield relay
    finally:
        await relay.stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await relay.aclose()


async def until(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, holds, within=PATIENCE_S)


def connections(messenger: Messenger) -> set[str]:
    """The relay's connections, by the numbers that Redis gives them."""
    return {one["id"] for one in messenger.client.client_list() if one["name"] == "genonaut-relay"}


def pings(messenger: Messenger) -> int:
    """How often anybody has asked Redis whether it lives."""
    return int(messenger.client.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"])


def test_a_connection_that_does_not_answer_is_given_up_and_watchers_hear_by_another(
    engine: Engine, settings: Settings, link: Link, messenger: Messenger
) -> None:
    job_id = running(messenger).job.id

    async def story() -> None:
        async with (
            relaying(engine, settings, link, silent_s=0.5) as relay,
            relay.watch(job_id) as watch,
        ):
            watch.begin(2, None)
            before = connections(messenger)
            with capture_logs() as logs:
                link.stall()
                await until(lambda: "no answer to a ping" in [log.get("error") for log in logs])
            link.flow()
            ticks = count(1)

            def heard() -> bool:
                progress(messenger, job_id, next(ticks))
                return watch.queue.qsize() > 0

            await until(heard)
            assert connections(messenger) - before

    asyncio.run(story())


def test_a_connection_on_which_nothing_happens_is_asked_and_kept(
    engine: Engine, settings: Settings, link: Link, messenger: Messenger
) -> None:
    async def story() -> None:
        async with relaying(engine, settings, link, silent_s=PATIENCE_S) as relay:
            relay.connected_at -= HOUR_S
            before, asked = connections(messenger), pings(messenger)
            await until(lambda: pings(messenger) >= asked + 5)
            assert connections(messenger) == before
            assert before

    with capture_logs() as logs:
        asyncio.run(story())
    assert not logs


@pytest.mark.timeout(60)
def test_a_stop_does_not_wait_for_redis(engine: Engine, settings: Settings, link: Link) -> None:
    async def story() -> None:
        async with relaying(engine, settings, link, silent_s=HOUR_S, previews_after_s=HOUR_S) as relay:
            link.stall()
            await relay.stop()

    asyncio.run(story())
