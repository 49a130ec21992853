"""Connections to whichever Redis the sentinels name when they are opened: after a failover, to another one."""

from typing import Any

import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.configuration.urls.redis_urls import Sentinels

# Of several: one whose host is gone is passed over, and asked last from then on.
ASKED_WITHIN_S = 0.5


class SentinelPool(redis.sentinel.SentinelConnectionPool):
    """A pool whose connections lead to the server of the sentinels. `options` are those of a connection."""

    def __init__(self, sentinels: Sentinels, **options: Any) -> None:
        asked = asked_with(sentinels, options, Retry(NoBackoff(), 0))
        manager = redis.sentinel.Sentinel(sentinels.addresses, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
        super().__init__(sentinels.name, manager, ssl=sentinels.is_encrypted, **{**sentinels.server, **options})  # type: ignore[no-untyped-call]

    def close(self) -> None:
        super().close()
        self.sentinel_manager.close()


class AsyncSentinelPool(redis.asyncio.sentinel.SentinelConnectionPool, BlockingConnectionPool):
    """The same for asyncio. Who finds all connections taken waits."""

    def __init__(self, sentinels: Sentinels, **options: Any) -> None:
        asked = asked_with(sentinels, options, AsyncRetry(NoBackoff(), 0))
        manager = redis.asyncio.sentinel.Sentinel(sentinels.addresses, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
        super().__init__(sentinels.name, manager, ssl=sentinels.is_encrypted, **{**sentinels.server, **options})  # type: ignore[no-untyped-call]

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def asked_with(sentinels: Sentinels, options: dict[str, Any], retry: Any) -> dict[str, Any]:
    """How the sentinels themselves are spoken to."""
    within_s = min(ASKED_WITHIN_S, options["socket_connect_timeout"])
    plain = {name: options[name] for name in ("driver_info", "maint_notifications_config")}
    waits = {"socket_connect_timeout": within_s, "socket_timeout": within_s, "retry": retry}
    return {**sentinels.sentinel, **waits, **plain, "ssl": sentinels.is_encrypted}
