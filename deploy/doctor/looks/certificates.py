"""What is reached by TLS shows a certificate that services trust, and that is good for a while."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from deploy.doctor.peers import Peer, reached_by_tls

SUBJECT = "certificates"
RENEWED_BEFORE = timedelta(days=14)


def look(installation: Installation) -> Iterator[Finding]:
    for peer in reached_by_tls(installation.settings):
        yield examined(peer)


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
    shown = peer.shown(peer.host, peer.port, peer.held_to.context())
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
