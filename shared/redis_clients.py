"""Two ways to wait for Redis: the API gives up at once, the worker does not."""

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry


def hasty_client(url: str) -> redis.Redis:
    """For a request that somebody waits for: at most two tries of half a second each."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 1), health_check_interval=0
    )


def patient_client(url: str) -> redis.Redis:
    """For Dramatiq's consumers: with less patience, a hang of 12 s loses a failing message and ends the delays."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=5,
        socket_timeout=5,
        retry=Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), 100),
    )
