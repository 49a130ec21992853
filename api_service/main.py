"""The API service: it writes jobs and sends messages, and shows what became of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware

from api_service import records
from api_service.access_log import AccessLog
from api_service.authentication import Keyring
from api_service.endpoints import health, jobs, live, outputs, servers
from api_service.problems import HANDLERS
from api_service.relay import Relay
from api_service.state import Services
from shared.broker import sending_broker
from shared.database import create_engine
from shared.events import Channels, Event
from shared.logging import configure_logging
from shared.outbox import Outbox
from shared.redis_clients import hasty_client, listening_client
from shared.settings import Settings, settings_or_exit
from shared.storage import open_store

THREADS = 10  # blocking calls at once; each may hold a database connection


class LifespanState(TypedDict):
    services: Services


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. It connects to nothing before its lifespan starts."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[LifespanState]:
        async with running(settings) as services:
            yield {"services": services}

    return Starlette(
        routes=[*jobs.ROUTES, *outputs.ROUTES, *live.ROUTES, *servers.ROUTES, *health.ROUTES],
        middleware=[Middleware(AccessLog)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Services]:
    """What the process needs, and the relay's task beside it, until the block ends."""
    engine = create_engine(settings, application="api", connections=THREADS)
    channels = Channels(settings.redis_ns)
    client = hasty_client(settings.redis_url)
    services = Services(
        settings=settings,
        engine=engine,
        outbox=Outbox(engine, sending_broker(settings), client, channels),
        store=open_store(settings.storage_url),
        relay=Relay(listening_client(settings.redis_url), channels),
        keyring=Keyring(engine),
        threads=anyio.CapacityLimiter(THREADS),
    )

    async def events_since(known: Mapping[int, int]) -> Sequence[Event]:
        return await services.run(records.events_since, engine, known)

    relaying = asyncio.create_task(services.relay.run(events_since))
    try:
        yield services
    finally:
        while not relaying.done():
            relaying.cancel()
            await asyncio.wait({relaying}, timeout=0.2)
        await services.relay.aclose()
        client.close()
        engine.dispose()


def app() -> Starlette:
    """For uvicorn: `uvicorn --factory api_service.main:app`."""
    settings = settings_or_exit()
    configure_logging(settings, service="api")
    return create_app(settings)
