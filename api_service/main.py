"""The API service: it writes jobs and sends messages, and shows what became of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TypedDict

import anyio
import anyio.to_thread
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response

from api_service.accounts.keyring import Keyring
from api_service.accounts.trusted import TrustedNetworks
from api_service.accounts.url_signing import UrlSigning
from api_service.assets.fetching import Fetches
from api_service.assets.keeping import Shelf
from api_service.beside import kept_going, stop, watch_replica
from api_service.doors.native.routes import is_native
from api_service.doors.operator.health import check_everything
from api_service.doors.services import Services
from api_service.fleet.capability_cache import CapabilityReader
from api_service.fleet.model_infos import ModelInfos
from api_service.fleet.object_infos import ObjectInfos
from api_service.http.application import Application
from api_service.http.problems import answer_bug, handlers_of
from api_service.http.server.access_log import AccessLog
from api_service.http.server.address_keys import AddressKeys
from api_service.http.server.browser_cookies import BrowserCookies
from api_service.http.server.cors import CrossOrigin
from api_service.http.server.lane import Lane
from api_service.http.server.metrics import ApiMetrics
from api_service.http.server.narrow_router import NarrowRouter
from api_service.http.server.pace import KeylessPace, Pace
from api_service.http.server.root_path import RootPath
from api_service.http.server.traced import Traced
from api_service.http.shared_answers.asked_together import AskedTogether
from api_service.http.shared_answers.kept_bodies import KeptBodies
from api_service.http.shared_answers.one_answer import OneAnswer
from api_service.http.shared_answers.one_question import OneQuestion
from api_service.limits.key_limits import KeyLimits
from api_service.limits.open_streams import OpenStreams
from api_service.limits.rates import RateCounter
from api_service.limits.redis_guard import RedisGuard
from api_service.limits.waiting_jobs import WaitingJobs
from api_service.notifications.seen import note_what_was_seen
from api_service.overview.overview import OverviewView, Period, overview_of
from api_service.prompts.prompt_queries import ended_jobs
from api_service.refusals.refusal import Refusal
from api_service.routes import ROUTES, write_refusal
from api_service.streams.relay import Relay
from api_service.streams.rights import Rights, end_streams_without_right
from api_service.streams.stream_queries import DatabaseRows
from api_service.streams.tickets import Tickets
from api_service.streams.timings import StreamTimings
from api_service.submit.quarantine import Quarantine
from api_service.submit.submit import Acceptance
from shared.configuration.logging import configure_logging
from shared.configuration.secrets.vault import open_vault
from shared.configuration.settings import Settings, environment, settings_or_exit
from shared.database.engine import create_engine
from shared.database.reads import Reads
from shared.database.replica import replica_of
from shared.database.schema import exit_unless_migrated
from shared.fleet.fence import Fence
from shared.messaging.opening import open_messenger
from shared.messaging.redis_clients import counting_client, listening_client
from shared.messaging.redis_fitness import exit_if_redis_is_unfit
from shared.metrics.exposition import expose_or_exit, new_registry
from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from shared.outgoing.trust import trust
from shared.storage.opening import open_storage, storage_or_exit
from shared.tracing.opening import open_tracing_or_exit
from shared.tracing.tracing import OFF, Tracing

DEFAULT_TIMINGS = StreamTimings()
THREADS = 10  # blocking calls at once; each may hold a database connection
HEAVY_THREADS = 1  # beside them, for large bodies
OTHER_THREADS = HEAVY_THREADS + 2  # and one each for the rights of streams and for what is ready
OVERVIEW_KEPT_S = 1.0
OVERVIEW_REST = 5  # times as long as it took: a million jobs that wait take seconds to count


class LifespanState(TypedDict):
    services: Services
    heavy: Lane  # also under a name of its own: bodies are read where nobody knows whose services these are


def create_app(
    settings: Settings,
    timings: StreamTimings = DEFAULT_TIMINGS,
    registry: CollectorRegistry | None = None,
    tracing: Tracing = OFF,
) -> Starlette:
    """The ASGI application, and what it counts in the registry. It connects to nothing before its lifespan starts."""
    metrics = ApiMetrics(registry or new_registry("api"))

    def write(request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Response:
        metrics.refusing(refusal)
        return write_refusal(request, refusal, headers)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[LifespanState]:
        try:
            async with running(settings, timings, metrics, tracing) as services:
                yield {"services": services, "heavy": services.heavy}
        finally:
            await anyio.to_thread.run_sync(tracing.close)

    across = [Middleware(CrossOrigin, origins=settings.cors_origins)] if settings.cors_origins else []
    app = Application(
        # The innermost answers failures, so that such an answer has its id and its origin too.
        middleware=[
            *around_the_log(settings, tracing),
            Middleware(AccessLog, answered=metrics.answered),
            Middleware(BrowserCookies),
            *across,
            Middleware(KeylessPace, pace=Pace()),
            Middleware(ServerErrorMiddleware, handler=partial(answer_bug, write)),
        ],
        exception_handlers=handlers_of(write),
    )
    app.router = NarrowRouter(ROUTES, lifespan)
    return app


def around_the_log(settings: Settings, tracing: Tracing) -> list[Middleware]:
    """What has to do with an address before it is logged, and the span that its line names."""
    traced = [] if tracing is OFF else [Middleware(Traced, tracing=tracing)]
    of_keys = Middleware(AddressKeys, is_native=is_native, port=settings.native_port)
    return [Middleware(RootPath, root=settings.root_path, beside=settings.native_port), of_keys, *traced]


@asynccontextmanager
async def running(
    settings: Settings,
    timings: StreamTimings = DEFAULT_TIMINGS,
    metrics: ApiMetrics | None = None,
    tracing: Tracing = OFF,
) -> AsyncIterator[Services]:
    """What the process needs, and the tasks beside it, until the block ends."""
    metrics = metrics or ApiMetrics(CollectorRegistry())
    services = make_services(settings, timings, metrics, tracing)
    metrics.show_streams(services.limits.streams.held)
    rows = DatabaseRows(services.engine, services.run)
    # In a thread of its own: busy callers are no reason to go on telling one whose key has ended.
    rights = Rights(services.engine, Lane(1).run, timings)
    work: list[Callable[[], Awaitable[None]]] = [
        partial(services.relay.run, rows),
        services.limits.streams.run,
        partial(end_streams_without_right, services.relay.watchers, rights),
        partial(
            note_what_was_seen,
            services.relay.watchers.seen,
            services.engine,
            services.run,
            every_s=timings.seen_every_s,
        ),
    ]
    if services.reads.replica:
        metrics.show_replica(services.reads.fitness)
        work.append(partial(watch_replica, services.reads, Lane(1).run))
    tasks = {asyncio.create_task(kept_going(one)) for one in work}
    try:
        yield services
    finally:
        await services.relay.stop()
        await stop(tasks)
        await services.relay.aclose()
        await services.limits.streams.aclose()
        services.messenger.close()
        services.reads.close()
        services.engine.dispose()


def make_services(settings: Settings, timings: StreamTimings, metrics: ApiMetrics, tracing: Tracing) -> Services:
    engine = create_engine(settings, application="api", connections=THREADS + OTHER_THREADS)
    reads = Reads(engine, replica_of(settings, application="api", connections=THREADS + 1), metrics.reading_from)
    keyring, threads = Keyring(engine), anyio.CapacityLimiter(THREADS)
    messenger = open_messenger(engine, settings, metrics.jobs.count)
    counting = counting_client(settings.redis_url, wait_s=timings.count_within_s)
    guard, fence = RedisGuard(timings.count_within_s), Fence(settings.allowed_nodes, settings.denied_nodes or ())
    streams, waiting = OpenStreams(counting, settings.redis_ns, guard), WaitingJobs(is_fair=settings.sharing.is_fair)
    limits = KeyLimits(settings, RateCounter(counting, settings.redis_ns, guard), streams, waiting)
    capabilities, store = CapabilityReader(engine), open_storage(settings).store
    shelf = Shelf(engine, store, settings.asset_max_bytes, settings.asset_lifetime, settings.archive_max_bytes)
    return Services(
        settings=settings,
        engine=engine,
        reads=reads,
        messenger=messenger,
        store=store,
        vault=open_vault(settings.secrets_key_file),
        relay=Relay(listening_client(settings.redis_url), messenger.channels, timings, metrics.heard),
        keyring=keyring,
        keys=OneQuestion(lambda key_id: anyio.to_thread.run_sync(keyring.key, key_id, limiter=threads)),
        trusted=TrustedNetworks(engine, settings.native_trusted),
        tickets=Tickets(engine, keyring, timings.tickets),
        url_signing=UrlSigning(engine, keyring, settings.file_url_lifetime),
        limits=limits,
        capabilities=capabilities,
        object_infos=ObjectInfos(engine),
        model_infos=ModelInfos(engine),
        histories=KeptBodies(),
        ended_prompts=AskedTogether(partial(anyio.to_thread.run_sync, partial(ended_jobs, engine), limiter=threads)),
        acceptance=Acceptance(
            messenger, capabilities, limits, threads, shelf, Quarantine(engine), fence, settings.sharing, tracing
        ),
        timings=timings,
        threads=threads,
        fetches=Fetches(Outgoing(allowed_by(settings.outgoing_allow or ()), tls=trust(settings.ca_file))),
        heavy=Lane(HEAVY_THREADS),
        overviews=overviews_of(reads, threads),
        readiness=OneAnswer(partial(Lane(1).run, check_everything, engine, messenger, store), timings.ready_kept_s),
    )


def overviews_of(reads: Reads, threads: anyio.CapacityLimiter) -> dict[str, OneAnswer[OverviewView]]:
    """Everybody's work at a glance, by its period: found once, however many look at it."""
    found = {period: partial(reads.read, overview_of, None, period) for period in Period}
    run = partial(anyio.to_thread.run_sync, limiter=threads)
    return {
        period: OneAnswer(partial(run, find), OVERVIEW_KEPT_S, rest=OVERVIEW_REST) for period, find in found.items()
    }


def app(timings: StreamTimings = DEFAULT_TIMINGS) -> Starlette:
    """For uvicorn: `uvicorn --factory api_service.main:app`."""
    settings = settings_or_exit()
    configure_logging(settings, service="api")
    storage_or_exit(settings)  # here, as the lifespan, which opens it too, would end in a traceback
    exit_unless_migrated(settings, application="api")
    exit_if_redis_is_unfit(settings)
    registry = new_registry("api")
    expose_or_exit(settings, registry)
    tracing = open_tracing_or_exit(settings.otel_exporter_otlp_endpoint, "api", environment())
    return create_app(settings, timings, registry, tracing)
