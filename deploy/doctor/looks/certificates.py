"""What is reached by TLS shows a certificate that services trust, and that is good for a while."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.configuration.settings import Settings
from shared.configuration.urls.redis_urls import ca_file_of
from shared.outgoing.trust import trust

SUBJECT = "certificates"
ANSWERS_WITHIN_S = 3.0
RENEWED_BEFORE = timedelta(days=14)
PORTS = {"https": 443, "rediss": 6379, "smtps": 465}


class Peer(NamedTuple):
    """Whom a variable names. `ca_file` has the authorities that are trusted there besides this machine's."""

    variable: str
    host: str
    port: int
    ca_file: Path | None


def look(installation: Installation) -> Iterator[Finding]:
    for peer in reached_by_tls(installation.settings):
        yield examined(peer)


def reached_by_tls(settings: Settings) -> Iterator[Peer]:
    """Each once."""
    named = [
        ("PUBLIC_URL", settings.public_url, settings.ca_file),
        ("REDIS_URL", settings.redis_url, ca_file_of(settings.redis_url)),
        ("BROKER_URL", settings.broker_url, ca_file_of(settings.broker_url)),
        ("SMTP_URL", settings.smtp_url, settings.ca_file),
        *(("COMFYUI_URLS", url, settings.ca_file) for url in settings.comfyui_urls),
    ]
    seen = set()
    for variable, url, ca_file in named:
        parts = urlsplit(url or "")
        if parts.scheme in PORTS and parts.hostname:
            address = (parts.hostname, parts.port or PORTS[parts.scheme])
            if address not in seen:
                seen.add(address)
                yield Peer(variable, *address, ca_file)


def examined(peer: Peer) -> Finding:
    where = f"that of {peer.host}:{peer.port} ({peer.variable})"
    try:
        ends = end_of_certificate(peer)
    except ssl.SSLCertVerificationError as error:
        return trouble(SUBJECT, f"{where} is not trusted: {error.verify_message}", "Renew it, or trust its authority")
    except OSError as error:
        return warning(SUBJECT, f"{where} cannot be looked at from here: {error}", "See that it runs")
    left = ends - datetime.now(UTC)
    told = f"{where} is good until {ends:%Y-%m-%d}"
    return ok(SUBJECT, told) if left > RENEWED_BEFORE else warning(SUBJECT, told, "Renew it")


def end_of_certificate(peer: Peer) -> datetime:
    """Raises OSError, of which SSLCertVerificationError is one."""
    context = trust(peer.ca_file) or ssl.create_default_context()
    with (
        socket.create_connection((peer.host, peer.port), timeout=ANSWERS_WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname=peer.host) as encrypted,
    ):
        shown = encrypted.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
