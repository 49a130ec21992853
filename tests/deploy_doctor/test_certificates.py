"""The doctor looks at servers as services reach them: TLS begins as each protocol has it, held to what the URL says."""

import ssl
from pathlib import Path

import pytest

from deploy.doctor.finding import Finding, Mark
from deploy.doctor.looks.certificates import examined
from deploy.doctor.peers import Peer, reached_by_tls
from deploy.local.ports import free_ports
from shared.configuration.settings import load_settings
from tests.certificates import Certificate, certificate
from tests.mail_server import mail_server
from tests.tls_front import tls_front

MAIL = {"MAIL_FROM": "us@example.com", "PUBLIC_URL": "http://127.0.0.1:1"}


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    """Of a server that is reached as localhost; it is good for a day."""
    return certificate(tmp_path, "localhost")


def peers(environ: dict[str, str], **variables: str) -> list[Peer]:
    return list(reached_by_tls(load_settings({**environ, **variables})))


def found(environ: dict[str, str], **variables: str) -> Finding:
    """What is found of the only server that is reached by TLS."""
    (peer,) = peers(environ, **variables)
    return examined(peer)


def is_good(finding: Finding) -> bool:
    return "is good until" in finding.text and (finding.mark, finding.advice) == (Mark.WARNING, "Renew it")


def is_not_trusted(finding: Finding) -> bool:
    return "is not trusted" in finding.text and finding.mark is Mark.TROUBLE


def test_nothing_is_reached_by_tls_unless_a_url_says_so(environ: dict[str, str]) -> None:
    assert not peers(environ)
    assert not peers(environ, DATABASE_URL="postgresql://db/x?sslmode=require"), "which asks nobody who they are"


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_READ_URL"])
def test_postgresql(environ: dict[str, str], made: Certificate, variable: str) -> None:
    with tls_front(next(free_ports()), made, is_postgresql=True) as port:

        def url(host: str, mode: str, root: Path | str) -> dict[str, str]:
            return {variable: f"postgresql://me@{host}:{port}/x?sslmode={mode}&sslrootcert={root}"}

        assert is_good(found(environ, **url("localhost", "verify-full", made.certificate)))
        assert is_not_trusted(found(environ, **url("localhost", "verify-full", "system")))
        assert is_not_trusted(found(environ, **url("127.0.0.1", "verify-full", made.certificate)))
        assert is_good(found(environ, **url("127.0.0.1", "verify-ca", made.certificate)))


def test_each_host_of_a_url_of_postgresql(environ: dict[str, str], made: Certificate) -> None:
    url = f"postgresql://me:p@ss@one,two:5433/x?sslmode=verify-full&sslrootcert={made.certificate}"
    assert [(peer.host, peer.port) for peer in peers(environ, DATABASE_URL=url)] == [("one", 5432), ("two", 5433)]


def test_a_postgresql_without_tls(environ: dict[str, str], made: Certificate) -> None:
    plain = environ["DATABASE_URL"].partition("?")[0]
    finding = found(environ, DATABASE_URL=f"{plain}?sslmode=verify-full&sslrootcert={made.certificate}")
    assert "cannot be looked at from here: it does not encrypt" in finding.text


def test_redis(environ: dict[str, str], made: Certificate) -> None:
    with tls_front(next(free_ports()), made) as port:

        def url(host: str, *options: str) -> dict[str, str]:
            return {"REDIS_URL": f"rediss://{host}:{port}/0?{'&'.join(options)}"}

        ours = f"ssl_ca_certs={made.certificate}"
        assert is_good(found(environ, **url("localhost", ours)))
        assert is_not_trusted(found(environ, **url("localhost")))
        assert is_not_trusted(found(environ, **url("127.0.0.1", ours)))
        assert is_good(found(environ, **url("127.0.0.1", ours, "ssl_check_hostname=false")))


def test_a_redis_that_wants_to_know_who_we_are(environ: dict[str, str], made: Certificate) -> None:
    url = f"rediss://redis/0?ssl_ca_certs={made.certificate}&ssl_certfile={made.certificate}&ssl_keyfile={made.key}"
    (peer,) = peers(environ, REDIS_URL=url)
    assert (peer.held_to.only, *made) == (made.certificate, peer.held_to.certificate, peer.held_to.key)
    assert isinstance(peer.held_to.context(), ssl.SSLContext)
    made.key.write_text("no key")
    assert "cannot be looked at from here" in examined(peer).text


def test_each_sentinel(environ: dict[str, str], made: Certificate) -> None:
    with tls_front(next(free_ports()), made) as port:
        url = f"rediss+sentinel://:secret@localhost:{port},127.0.0.1:{port},third/main?ssl_ca_certs={made.certificate}"
        here, by_address, third = peers(environ, REDIS_URL=url)
        assert is_good(examined(here))
        assert is_not_trusted(examined(by_address))
        assert (third.host, third.port) == ("third", 26379)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail(environ: dict[str, str], made: Certificate, scheme: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*made)
    with mail_server(tls=context, from_the_first_byte=scheme == "smtps") as server:
        where = {**MAIL, "SMTP_URL": f"{scheme}://localhost:{server.port}"}
        assert is_good(found(environ, **where, CA_FILE=str(made.certificate)))
        assert is_not_trusted(found(environ, **where))


def test_a_mail_server_without_tls(environ: dict[str, str]) -> None:
    with mail_server() as server:
        finding = found(environ, **MAIL, SMTP_URL=f"smtp://127.0.0.1:{server.port}")
    assert "cannot be looked at from here: STARTTLS extension not supported by server" in finding.text
