"""Where Redis is: one server, or the sentinels that know which of several it is just now."""

import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator
from redis.connection import parse_url

from shared.configuration.urls.secret_urls import AsMade, SecretUrl

REDIS_URLS = (
    "redis://[[user]:password@]host[:port][/database], rediss://... for TLS, unix:///path?db=0, or "
    "redis+sentinel://[[user]:password@]host[:port],host[:port]/name[/database] for the server that these sentinels "
    "know by that name"
)
NO_CLUSTER = (
    "one Redis, or one with replicas and sentinels, but no Redis Cluster: Dramatiq's scripts use several keys at once, "
    "which a cluster keeps on different servers"
)
CA_FILE = "ssl_ca_certs"
FILES = {CA_FILE, "ssl_certfile", "ssl_keyfile"}
OPTIONS = {"db", "protocol", "ssl_check_hostname", *FILES}
SENTINEL_LOGIN = {"sentinel_username": "username", "sentinel_password": "password"}
SENTINEL = "+sentinel"
SENTINEL_PORT = 26379
MOST_SENTINELS = 15
ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Sentinels(NamedTuple):
    """The sentinels, the name by which they know the server, and how they and the server are spoken to."""

    addresses: tuple[tuple[str, int], ...]
    name: str
    sentinel: dict[str, Any]
    server: dict[str, Any]
    is_encrypted: bool


def redis_url(value: str) -> SecretUrl:
    scheme = value.partition("://")[0].lower()
    if scheme.endswith("+cluster"):
        raise ValueError(NO_CLUSTER)
    if scheme.endswith(SENTINEL):
        sentinels_of(value)
    else:
        check_one_server(value)
    check_options(value)
    return SecretUrl(value)


def check_one_server(value: str) -> None:
    parts = urlsplit(value)
    reachable = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in {"redis", "rediss", "unix"} or not reachable:
        raise ValueError(REDIS_URLS)
    check_database(parts.path.strip("/") if parts.scheme != "unix" else "")
    parse_url(value)  # type: ignore[no-untyped-call]  # it raises where a port or an option is no number


def check_database(database: str) -> None:
    if database and not (database.isascii() and database.isdecimal()):
        raise ValueError("a database number after the host, as in redis://127.0.0.1:6379/4")


def check_options(value: str) -> None:
    parts = urlsplit(value)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    known = OPTIONS | (SENTINEL_LOGIN.keys() if parts.scheme.endswith(SENTINEL) else set())
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"a URL with nothing behind its ? but {', '.join(sorted(known))}; not {unknown[0]}")
    is_encrypted = parts.scheme.startswith("rediss")
    if is_in_vain := sorted(name for name in given if name.startswith("ssl_") and not is_encrypted):
        raise ValueError(f"{is_in_vain[0]} only with rediss://, as nothing is encrypted without")
    if missing := [given[name] for name in sorted(FILES & given.keys()) if not Path(given[name]).is_file()]:
        raise ValueError(f"files that are there: {missing[0]} is none")


def ca_file_of(url: str) -> Path | None:
    """The file with the authorities that its certificate is held to, where the URL names one."""
    given = parse_qs(urlsplit(url).query).get(CA_FILE)
    return Path(given[0]) if given else None


def sentinels_of(url: str) -> Sentinels | None:
    """The sentinels that a URL names, None if it names one server. Raises ValueError."""
    parts = urlsplit(url)
    if not parts.scheme.endswith(SENTINEL):
        return None
    login, _, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    addresses = tuple(address(one) for one in hosts.split(","))
    if not NAME.fullmatch(name) or len(addresses) > MOST_SENTINELS:
        raise ValueError(REDIS_URLS)
    check_database(database)
    scheme = parts.scheme.removesuffix(SENTINEL)
    if scheme not in {"redis", "rediss"}:
        raise ValueError(REDIS_URLS)
    given = parse_url(f"{scheme}://{login}{'@' if login else ''}any/{database}?{parts.query}")  # type: ignore[no-untyped-call]
    asked_as = {ours: given.pop(theirs) for theirs, ours in SENTINEL_LOGIN.items() if theirs in given}
    server = {option: value for option, value in given.items() if option not in {"host", "connection_class"}}
    tls = {option: value for option, value in server.items() if option.startswith("ssl_")}
    return Sentinels(addresses, name, {**tls, **asked_as}, server, scheme == "rediss")


def address(text: str) -> tuple[str, int]:
    found = ADDRESS.fullmatch(text)
    port = int(found["port"] or SENTINEL_PORT) if found else 0
    if not found or not 0 < port < 65536:
        raise ValueError(REDIS_URLS)
    return found["host"].strip("[]"), port


RedisUrl = Annotated[SecretUrl, AsMade, BeforeValidator(redis_url)]
