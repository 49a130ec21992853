"""How long to wait for Redis: the API gives up at once, the worker does not."""

import asyncio
from typing import Any

import redis
import redis.asyncio
from redis import DriverInfo
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.credentials import CredentialProvider
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from shared.configuration.secret_files import is_in_file, login_of
from shared.configuration.urls.redis_urls import sentinels_of
from shared.configuration.urls.secret_urls import without_login
from shared.messaging.redis_sentinels import AsyncSentinelPool, SentinelPool

PLAIN: dict[str, Any] = {
    # Only Redis Enterprise knows the command; everywhere else it is a round trip for an error.
    "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    # Otherwise redis reads its own version from its package, half a millisecond for each connection.
    "driver_info": DriverInfo(),
}


def hasty_client(url: str) -> redis.Redis:
    """For a request that somebody waits for: at most two tries of half a second each."""
    return client(url, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 1))


def asking_client(url: str) -> redis.Redis:
    """For a question at the start of a service, which waits a little for its answer."""
    return client(url, socket_connect_timeout=2, socket_timeout=2, retry=Retry(NoBackoff(), 1))


def counting_client(url: str, *, wait_s: float = 0.3) -> redis.asyncio.Redis:
    """For limits, which are asked with every request and never waited for: one try, within a third of a second."""
    return asynchronous_client(
        url,
        max_connections=20,
        timeout=wait_s,
        socket_connect_timeout=wait_s,
        socket_timeout=wait_s,
        retry=AsyncRetry(NoBackoff(), 0),
    )


def patient_client(url: str) -> redis.Redis:
    """For Dramatiq's consumers: with less patience, a hang of 12 s loses a failing message and ends the delays."""
    return client(
        url,
        socket_connect_timeout=5,
        socket_timeout=5,
        retry=Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), 100),
    )


def listening_client(url: str, *, asked_every_s: float = 10) -> redis.asyncio.Redis:
    """For the API's relay: one connection that listens, asked so often whether it still lives, and one that reads.

    Nothing is tried again here: the relay connects anew by itself. Who finds the connection taken waits for it.
    """
    return asynchronous_client(
        url,
        max_connections=2,
        timeout=1,
        socket_connect_timeout=1,
        health_check_interval=asked_every_s,
        retry=AsyncRetry(NoBackoff(), 0),
        client_name="genonaut-relay",
    )


def client(url: str, **options: Any) -> redis.Redis:
    if sentinels := sentinels_of(named(url)):
        return redis.Redis.from_pool(SentinelPool(sentinels, **options, **login(url), **PLAIN))
    return redis.Redis.from_url(named(url), **options, **login(url), **PLAIN)


def asynchronous_client(url: str, **options: Any) -> redis.asyncio.Redis:
    """One whose callers wait for one of `max_connections`, for as long as `timeout` seconds."""
    if sentinels := sentinels_of(named(url)):
        return redis.asyncio.Redis.from_pool(AsyncSentinelPool(sentinels, **options, **login(url), **PLAIN))
    pool = BlockingConnectionPool.from_url(named(url), **options, **login(url), **PLAIN)
    return redis.asyncio.Redis.from_pool(pool)


class LoginByFile(CredentialProvider):
    """Each new connection has the user and the password that the file of the URL has by then."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        user, password = login_of(self.url)
        return (user, password or "") if user else (password or "",)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return await asyncio.to_thread(self.get_credentials)


def named(url: str) -> str:
    return without_login(url) if is_in_file(url) else url


def login(url: str) -> dict[str, Any]:
    """What says who we are, where the URL itself does not."""
    is_needed = is_in_file(url) and login_of(url).password
    return {"credential_provider": LoginByFile(url)} if is_needed else {}
