"""What is reached by TLS shows a certificate that this machine trusts, and that is good for a while."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.configuration.settings import Settings

SUBJECT = "certificates"
ANSWERS_WITHIN_S = 3.0
RENEWED_BEFORE = timedelta(days=14)
PORTS = {"https": 443, "rediss": 6379, "smtps": 465}


def look(installation: Installation) -> Iterator[Finding]:
    for variable, host, port in reached_by_tls(installation.settings):
        yield examined(variable, host, port)


def reached_by_tls(settings: Settings) -> Iterator[tuple[str, str, int]]:
    """The variable, and whom it names, each once."""
    named = [
        ("PUBLIC_URL", settings.public_url),
        ("REDIS_URL", settings.redis_url),
        ("BROKER_URL", settings.broker_url),
        ("SMTP_URL", settings.smtp_url),
        *(("COMFYUI_URLS", url) for url in settings.comfyui_urls),
    ]
    seen = set()
    for variable, url in named:
        parts = urlsplit(url or "")
        if parts.scheme in PORTS and parts.hostname:
            address = (parts.hostname, parts.port or PORTS[parts.scheme])
            if address not in seen:
                seen.add(address)
                yield variable, *address


def examined(variable: str, host: str, port: int) -> Finding:
    where = f"that of {host}:{port} ({variable})"
    try:
        ends = end_of_certificate(host, port)
    except ssl.SSLCertVerificationError as error:
        return trouble(SUBJECT, f"{where} is not trusted: {error.verify_message}", "Renew it, or trust its authority")
    except OSError as error:
        return warning(SUBJECT, f"{where} cannot be looked at from here: {error}", "See that it runs")
    left = ends - datetime.now(UTC)
    told = f"{where} is good until {ends:%Y-%m-%d}"
    return ok(SUBJECT, told) if left > RENEWED_BEFORE else warning(SUBJECT, told, "Renew it")


def end_of_certificate(host: str, port: int) -> datetime:
    """Raises OSError, of which SSLCertVerificationError is one."""
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=ANSWERS_WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        shown = encrypted.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
