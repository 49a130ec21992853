"""Looks at, or deletes, one environment's keys in Redis: those under its namespace, and no others.

Run as `python -m deploy.local.redis_keys list|flush|info`, with APP_ENV naming the environment.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from typing import cast

from shared.imports import importing

with importing():
    import redis

    from shared.configuration.settings import Settings, settings_or_exit
    from shared.configuration.types import as_shown
    from shared.messaging.messages import Queue
    from shared.messaging.redis_clients import hasty_client

AT_ONCE = 500
FACTS = ("redis_version", "uptime_in_seconds", "connected_clients", "used_memory_human", "maxmemory_policy")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.redis_keys", description=__doc__)
    parser.add_argument("deed", choices=["list", "flush", "info"])
    parser.add_argument("--yes", action="store_true", help="flush without asking")
    arguments = parser.parse_args()
    settings = settings_or_exit()
    try:
        match arguments.deed:
            case "list":
                list_keys(settings)
            case "flush":
                flush(settings, asked=not arguments.yes)
            case "info":
                info(settings)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read it, such as `head`, has read enough. Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except redis.RedisError as error:
        sys.exit(f"Redis at {as_shown(settings.redis_url)} does not answer: {error}")


def clients(settings: Settings) -> dict[str, redis.Redis]:
    """The databases this environment has keys in: one, or two where the broker has its own."""
    return {as_shown(url): hasty_client(url) for url in dict.fromkeys([settings.redis_url, settings.broker_url])}


def keys(client: redis.Redis, settings: Settings) -> Iterator[bytes]:
    # By SCAN: KEYS would hold up everybody else for as long as it takes.
    yield from client.scan_iter(match=f"{settings.redis_ns}:*", count=AT_ONCE)


def list_keys(settings: Settings) -> None:
    for url, client in clients(settings).items():
        print(f"{url}, {settings.redis_ns}:*")
        for key in sorted(keys(client, settings)):
            name, kind = key.decode(errors="replace"), cast("bytes", client.type(key)).decode()
            print(f"  {name}  {kind}")


def flush(settings: Settings, *, asked: bool) -> None:
    """Delete the keys. No job is lost by it: PostgreSQL is the record, and the sweep sends what is missing."""
    for url, client in clients(settings).items():
        found = list(keys(client, settings))
        if asked and found and not agreed(f"Delete {len(found)} keys under {settings.redis_ns}: in {url}? [y/N] "):
            print("Nothing was deleted.")
            continue
        for start in range(0, len(found), AT_ONCE):
            client.unlink(*found[start : start + AT_ONCE])
        print(f"Deleted {len(found)} keys under {settings.redis_ns}: in {url}.")


def agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def info(settings: Settings) -> None:
    for url, client in clients(settings).items():
        said = client.info()
        print(url)
        for fact in FACTS:
            print(f"  {fact}: {said.get(fact)}")
        print(f"  keys under {settings.redis_ns}: {sum(1 for _ in keys(client, settings))}")
        for queue in Queue:
            name = f"{settings.redis_ns}:{queue}"
            waiting, delayed, dead = client.llen(name), client.hlen(f"{name}.DQ.msgs"), client.zcard(f"{name}.XQ")
            print(f"  queue {queue}: {waiting} waiting, {delayed} delayed, {dead} buried")


if __name__ == "__main__":
    main()
