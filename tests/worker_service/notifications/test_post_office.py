"""E-mail goes over TLS with a login where the setting says so, and never in the open by mistake."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.configuration.mail import SmtpServerUrl
from tests.certificates import Certificate, certificate
from tests.mail_server import LOGIN, MailServer, mail_server
from tests.raw_server import raw_server
from worker_service.notifications.post_office import PostOffice

Office = Callable[..., PostOffice]


@pytest.fixture
def ours(tmp_path: Path) -> Certificate:
    return certificate(tmp_path, "localhost")


@pytest.fixture
def offers(ours: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours)
    return context


@pytest.fixture
def starttls(offers: ssl.SSLContext) -> Iterator[MailServer]:
    with mail_server(tls=offers) as server:
        yield server


@pytest.fixture
def trusting(ours: Certificate) -> Office:
    context = ssl.create_default_context(cafile=str(ours.certificate))

    def office(scheme: str, server: MailServer, login: tuple[str, str] | None = LOGIN) -> PostOffice:
        user = f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@" if login else ""
        return PostOffice(SmtpServerUrl(f"{scheme}://{user}localhost:{server.port}"), tls=context)

    return office


def letter() -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "pictures@example.com", "anna@example.com", "Grüße"
    message.set_content("Ihr Bild ist fertig.")
    return message


def test_starttls_and_a_login(starttls: MailServer, trusting: Office) -> None:
    assert trusting("smtp", starttls).post(letter()).error is None
    (message,) = starttls.received
    assert message["Subject"] == "Grüße"


def test_tls_from_the_first_byte(offers: ssl.SSLContext, trusting: Office) -> None:
    with mail_server(tls=offers, from_the_first_byte=True) as server:
        assert trusting("smtps", server).post(letter()).error is None
        assert len(server.received) == 1


def test_a_server_without_starttls_gets_neither_the_password_nor_the_mail(mail: MailServer, trusting: Office) -> None:
    made = trusting("smtp", mail).post(letter())
    assert "STARTTLS" in (made.error or "")
    assert not made.is_final
    assert mail.received == []


def test_a_certificate_that_nobody_trusts_is_refused(starttls: MailServer) -> None:
    made = PostOffice(SmtpServerUrl(f"smtp://localhost:{starttls.port}")).post(letter())
    assert "CA_FILE names a file" in (made.error or "")
    assert starttls.received == []


def test_a_wrong_password_is_no_last_word(starttls: MailServer, trusting: Office) -> None:
    made = trusting("smtp", starttls, ("anna", "wrong")).post(letter())
    assert (made.error or "").startswith("535 ")
    assert not made.is_final
    assert "wrong" not in (made.error or "")


def test_a_login_that_is_wanted_and_not_set_is_no_last_word(starttls: MailServer, trusting: Office) -> None:
    made = trusting("smtp", starttls, None).post(letter())
    assert (made.error or "").startswith("530 ")
    assert not made.is_final


@pytest.mark.parametrize(
    ("where", "answer", "is_final"),
    [
        ("to_senders", "553 5.7.1 not an address of yours", False),
        ("to_recipients", "530 5.7.57 log in first", False),
        ("to_recipients", "550 5.1.1 nobody of this name", True),
        ("to_mails", "554 5.7.1 looks like spam", True),
    ],
)
def test_what_is_said_of_our_sender_or_login_is_no_last_word(
    mail: MailServer, where: str, answer: str, is_final: bool
) -> None:
    getattr(mail, where).append(answer)
    made = PostOffice(SmtpServerUrl(f"smtp+plain://localhost:{mail.port}")).post(letter())
    assert (made.error, made.is_final) == (answer, is_final)


@pytest.mark.parametrize("greeting", [b"", b"220 hello\r\n"], ids=["as it greets", "as it answers"])
def test_a_server_that_dawdles_is_cut_off(greeting: bytes) -> None:
    dawdled = []

    def dawdle(connection: socket.socket) -> socket.socket:
        connection.sendall(greeting)
        connection.settimeout(0.05)
        while True:  # a line of an answer without end, before the client has waited for long
            connection.sendall(b"220-and\r\n" if not greeting else b"250-and\r\n")
            dawdled.append(connection)
            with suppress(TimeoutError):
                if not connection.recv(100):
                    return connection

    with raw_server(b"", dawdle) as server:
        office = PostOffice(SmtpServerUrl(f"smtp+plain://127.0.0.1:{server.port}"), within=timedelta(seconds=0.3))
        made = office.post(letter())
    assert "SMTPServerDisconnected" in (made.error or ""), "it was not waited for until it said nothing"
    assert not made.is_final
    assert dawdled
