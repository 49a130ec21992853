"""Whom services reach by TLS, how it begins there, and what a certificate is held to: as each URL says it."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from redis.connection import parse_url

from shared.configuration.mail import PORTS as MAIL_PORTS
from shared.configuration.settings import Settings
from shared.configuration.urls.redis_urls import sentinels_of
from shared.outgoing.trust import trust

ANSWERS_WITHIN_S = 3.0
HTTPS, REDIS, POSTGRESQL = 443, 6379, 5432
SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # of PostgreSQL's protocol, which is answered with one letter
VERIFIED = {"verify-ca": False, "verify-full": True}  # sslmode, and whether the name of the host counts
OF_THE_MACHINE = "system"  # in the place of sslrootcert
USUAL_ROOT = Path("~/.postgresql/root.crt")  # libpq's


class HeldTo(NamedTuple):
    """The authorities that are trusted, `also` besides this machine's, or `only` these; whether the certificate must
    be for the host; and our own certificate with its key, for servers that ask for one."""

    also: Path | None = None
    only: Path | None = None
    name_counts: bool = True
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Raises OSError."""
        usual = None if self.only else trust(self.also)
        context = usual or ssl.create_default_context(cafile=self.only)
        context.check_hostname = self.name_counts
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


Shown = Callable[[str, int, ssl.SSLContext], dict[str, Any]]


class Peer(NamedTuple):
    """A server that a variable names. `shown` is what its certificate says, once it holds; it raises OSError, of which
    ssl.SSLCertVerificationError is one."""

    variable: str
    host: str
    port: int
    held_to: HeldTo
    shown: Shown


# ---------------------------------------------------------------- how TLS begins


def at_once(host: str, port: int, context: ssl.SSLContext) -> dict[str, Any]:
    with socket.create_connection((host, port), timeout=ANSWERS_WITHIN_S) as plain:
        return encrypted(plain, host, context)


def as_postgresql_does(host: str, port: int, context: ssl.SSLContext) -> dict[str, Any]:
    with socket.create_connection((host, port), timeout=ANSWERS_WITHIN_S) as plain:
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise OSError("it does not encrypt")
        return encrypted(plain, host, context)


def by_starttls(host: str, port: int, context: ssl.SSLContext) -> dict[str, Any]:
    with smtplib.SMTP(host, port, timeout=ANSWERS_WITHIN_S) as smtp:
        smtp.starttls(context=context)
        assert isinstance(smtp.sock, ssl.SSLSocket)
        return dict(smtp.sock.getpeercert() or {})


def encrypted(plain: socket.socket, host: str, context: ssl.SSLContext) -> dict[str, Any]:
    with context.wrap_socket(plain, server_hostname=host) as secured:
        return dict(secured.getpeercert() or {})


# ---------------------------------------------------------------- whom the settings name


def reached_by_tls(settings: Settings) -> Iterator[Peer]:
    """Each server once."""
    seen = set()
    for peer in named(settings):
        if (address := (peer.host, peer.port)) not in seen:
            seen.add(address)
            yield peer


def named(settings: Settings) -> Iterator[Peer]:
    yield from of_http("PUBLIC_URL", settings.public_url, settings.ca_file)
    yield from of_postgresql("DATABASE_URL", settings.database_url)
    yield from of_postgresql("DATABASE_READ_URL", settings.database_read_url)
    yield from of_redis("REDIS_URL", settings.redis_url)
    yield from of_redis("BROKER_URL", settings.broker_url)
    yield from of_mail("SMTP_URL", settings.smtp_url, settings.ca_file)
    for url in settings.comfyui_urls:
        yield from of_http("COMFYUI_URLS", url, settings.ca_file)


def of_http(variable: str, url: str | None, ca_file: Path | None) -> Iterator[Peer]:
    parts = urlsplit(url or "")
    if parts.scheme == "https" and parts.hostname:
        yield Peer(variable, parts.hostname, parts.port or HTTPS, HeldTo(also=ca_file), at_once)


def of_mail(variable: str, url: str | None, ca_file: Path | None) -> Iterator[Peer]:
    parts = urlsplit(url or "")
    begins: dict[str, Shown] = {"smtp": by_starttls, "smtps": at_once}
    if parts.scheme in begins and parts.hostname:
        port = parts.port or MAIL_PORTS[parts.scheme]
        yield Peer(variable, parts.hostname, port, HeldTo(also=ca_file), begins[parts.scheme])


def of_redis(variable: str, url: str) -> Iterator[Peer]:
    """The server, or each of the sentinels that know it: who it is changes."""
    if sentinels := sentinels_of(url):
        if sentinels.is_encrypted:
            for host, port in sentinels.addresses:
                yield Peer(variable, host, port, held_by_redis(sentinels.sentinel), at_once)
    elif urlsplit(url).scheme == "rediss":
        options = parse_url(url)  # type: ignore[no-untyped-call]
        yield Peer(variable, options["host"], options.get("port", REDIS), held_by_redis(options), at_once)


def held_by_redis(options: dict[str, Any]) -> HeldTo:
    only, certificate, key = (
        Path(options[name]) if name in options else None for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
    )
    name_counts = options.get("ssl_check_hostname", True)
    return HeldTo(only=only, name_counts=name_counts, certificate=certificate, key=key)


def of_postgresql(variable: str, url: str | None) -> Iterator[Peer]:
    """Those whose certificate is held to something: the other modes encrypt, and ask nobody who they are."""
    parts = urlsplit(url or "")
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if options.get("sslmode") not in VERIFIED:
        return
    root = options.get("sslrootcert") or str(USUAL_ROOT.expanduser())
    held_to = HeldTo(
        only=None if root == OF_THE_MACHINE else Path(root),
        name_counts=VERIFIED[options["sslmode"]],
        certificate=Path(options["sslcert"]) if "sslcert" in options else None,
        key=Path(options["sslkey"]) if "sslkey" in options else None,
    )
    for address in parts.netloc.rpartition("@")[2].split(","):  # libpq takes several
        one = urlsplit(f"//{address}")
        if one.hostname:
            yield Peer(variable, one.hostname, one.port or POSTGRESQL, held_to, as_postgresql_does)
