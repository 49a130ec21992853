"""Redis answers, takes what it is sent, and evicts nothing. What it keeps on its disk is of no matter."""

from collections.abc import Iterator
from typing import Any

import redis

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.configuration.urls.secret_urls import SecretUrl
from shared.messaging.redis_fitness import encryption_problem, unfit

SUBJECT = "redis"
OLDEST = 6  # see docs/by-hand.md
NEVER = "noeviction"
FULL, ALMOST_FULL = 0.97, 0.8  # of maxmemory
MEANWHILE = "Jobs are accepted meanwhile, and start later"


def answers(installation: Installation) -> bool:
    try:
        return bool(installation.messenger.broker.client.ping())
    except redis.RedisError:
        return False


def look(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    clients = {settings.redis_url: ("REDIS_URL", installation.messenger.client)}
    clients.setdefault(settings.broker_url, ("BROKER_URL", installation.messenger.broker.client))
    for url, (variable, client) in clients.items():
        try:
            told: dict[str, Any] = client.info()
        except redis.RedisError as error:
            yield not_spoken_to(variable, url, error)
        else:
            yield from told_by(variable, told)


def not_spoken_to(variable: str, url: SecretUrl, error: redis.RedisError) -> Finding:
    if isinstance(error, redis.AuthenticationError):  # what it says then is of its protocol
        found = f"that of {variable} refuses the user or the password of the URL, or wants one"
        return trouble(SUBJECT, found, f"Correct them in {variable}: {url.shown}. {MEANWHILE}")
    found = f"that of {variable} does not answer: {encryption_problem(error) or error}"
    return trouble(SUBJECT, found, f"See that it runs and that {variable} is it: {url.shown}. {MEANWHILE}")


def told_by(variable: str, told: dict[str, Any]) -> Iterator[Finding]:
    version = str(told.get("valkey_version") or told.get("redis_version", "0"))
    if int(version.partition(".")[0] or 0) < OLDEST:
        yield trouble(SUBJECT, f"that of {variable} is version {version}", f"Use version {OLDEST} or newer")
    else:
        yield ok(SUBJECT, f"that of {variable} answers, and is version {version}")
    if problem := unfit(told):
        yield trouble(SUBJECT, f"that of {variable} cannot be used: {problem}", "No service starts before")
    if told.get("role") in {"slave", "replica"}:
        yield trouble(SUBJECT, f"that of {variable} is a replica, which takes no writes", "Name the primary")
    yield eviction(variable, told)
    if finding := memory(variable, told):
        yield finding


def eviction(variable: str, told: dict[str, Any]) -> Finding:
    policy = told.get("maxmemory_policy", NEVER)
    if policy == NEVER:
        return ok(SUBJECT, f"that of {variable} evicts nothing")
    found = f"that of {variable} has maxmemory-policy {policy}: wake-ups and limits may go at any time"
    return trouble(SUBJECT, found, f"Set maxmemory-policy {NEVER}")


def memory(variable: str, told: dict[str, Any]) -> Finding | None:
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    if not most or used <= ALMOST_FULL * most:
        return None
    found = f"that of {variable} uses {used / most:.0%} of its memory"
    mark = trouble if used >= FULL * most else warning
    return mark(SUBJECT, found, "Raise maxmemory, or give it to nobody else")
