"""A Redis that cannot serve, however long one waits, is one sentence at the start of every service."""

import sys
from collections.abc import Mapping
from typing import Any

import redis
import structlog

from shared.configuration.settings import Settings
from shared.configuration.types import as_shown
from shared.configuration.urls.redis_urls import CA_FILE, NO_CLUSTER
from shared.messaging.redis_clients import asking_client

log = structlog.get_logger(__name__)

IN_CLUSTER = f"it is part of a Redis Cluster; what can be used is {NO_CLUSTER}"
NOT_TRUSTED = (
    f"its certificate is not one of an authority known here, or not for that host: name the file with the authority's "
    f"certificate in the URL, as ?{CA_FILE}=/PATH"
)
NOT_VERIFIED = "CERTIFICATE_VERIFY_FAILED"


def exit_if_redis_is_unfit(settings: Settings) -> None:
    """For a `main`: end the process with status 1 and one sentence if a Redis that it names can never serve it.

    A service starts without a Redis that does not answer, and goes on without it.
    """
    for url, variable in {settings.broker_url: "BROKER_URL", settings.redis_url: "REDIS_URL"}.items():
        if problem := redis_problem(url):
            sys.stderr.write(f"{variable}: {as_shown(url)}: {problem}\n")
            sys.stderr.flush()
            sys.exit(1)


def redis_problem(url: str) -> str | None:
    """One sentence if what answers at a URL is no Redis for us."""
    client = asking_client(url)
    try:
        return unfit(client.info("cluster"))
    except redis.RedisError as error:
        if (problem := encryption_problem(error)) is None:
            log.warning("redis.unavailable", error=str(error))  # or its user may not ask
        return problem
    finally:
        client.close()


def unfit(told: Mapping[str, Any]) -> str | None:
    """One sentence if what says this of itself (INFO) is no Redis for us."""
    return IN_CLUSTER if told.get("cluster_enabled") else None


def encryption_problem(error: redis.RedisError) -> str | None:
    """One sentence if this is why no connection came about."""
    return NOT_TRUSTED if NOT_VERIFIED in str(error) else None
