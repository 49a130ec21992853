"""A real SMTP server for tests, which keeps what it is handed, and refuses what it is told to."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOGIN = ("anna", "geheim @/:")
ACCEPTED = "250 OK"


class MailServer:
    """What it was handed is in `envelopes`. The lists have what it says next: to a sender, a recipient, an e-mail."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.to_senders: list[str] = []
        self.to_recipients: list[str] = []
        self.to_mails: list[str] = []
        self.is_handed = threading.Event()  # an e-mail, which it says nothing to before it `goes_on`
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.port = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_senders.pop(0) if self.to_senders else ACCEPTED
        if answer == ACCEPTED:
            envelope.mail_from = address
        return answer

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to_recipients.pop(0) if self.to_recipients else ACCEPTED
        if answer == ACCEPTED:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.is_handed.set()
        await asyncio.to_thread(self.goes_on.wait, 60)
        answer = self.to_mails.pop(0) if self.to_mails else ACCEPTED
        if answer == ACCEPTED:
            self.envelopes.append(envelope)
        return answer

    @property
    def received(self) -> list[EmailMessage]:
        return [parsed(one) for one in self.envelopes]


def parsed(envelope: Envelope) -> EmailMessage:
    message = message_from_bytes(envelope.original_content or b"", policy=default)
    assert isinstance(message, EmailMessage)
    return message


def is_known(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
    known = isinstance(login, LoginPassword) and (login.login.decode(), login.password.decode()) == LOGIN
    return AuthResult(success=known, handled=known)


class OnAFreePort(Controller):
    def _trigger_server(self) -> None:
        """It connects once to see whether it answers, by which time its port is known."""
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(*, tls: ssl.SSLContext | None = None, from_the_first_byte: bool = False) -> Iterator[MailServer]:
    """A server on a free port; with TLS it wants a login."""
    keeper = MailServer()
    guarded: dict[str, Any] = {"authenticator": is_known, "auth_required": True} if tls else {}
    if tls and not from_the_first_byte:
        guarded |= {"tls_context": tls, "require_starttls": True}
    elif tls:
        guarded = {"authenticator": is_known, "auth_require_tls": False, "ssl_context": tls}
    controller = OnAFreePort(keeper, hostname="127.0.0.1", port=0, **guarded)
    controller.start()
    try:
        keeper.port = controller.port
        yield keeper
    finally:
        controller.stop()
