"""One e-mail is handed over to an SMTP server; or it says why not, and whether a later try can help."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from shared.configuration.mail import SmtpServerUrl
from shared.notifications.mails import LONGEST_ERROR, Tried
from shared.notifications.wording import on_one_line
from shared.outgoing.trust import NOT_KNOWN, is_not_trusted

ANSWERS_WITHIN_S = 20.0  # each answer
DONE_WITHIN = timedelta(seconds=60)  # all of it, the greeting included
PERMANENT = range(500, 600)
LOGIN_WANTED = 530  # RFC 4954: at whatever command it is said


class PostOffice:
    """An SMTP server. `tls` is what its certificate is held to, by default what this machine trusts."""

    def __init__(
        self, url: SmtpServerUrl, *, tls: ssl.SSLContext | None = None, within: timedelta = DONE_WITHIN
    ) -> None:
        self.url = url
        self.tls = tls or ssl.create_default_context()
        self.within = within

    def post(self, message: EmailMessage) -> Tried:
        """Hand an e-mail over. Raises nothing: whatever went wrong is what came of it.

        What the server says to this e-mail with 5xx is its last word. What it says to our greeting, our password or our
        own address is not: an operator mends that.
        """
        try:
            with self.session(message["From"].addresses[0].domain) as smtp:
                return self.hand_over(smtp, message)
        except smtplib.SMTPResponseException as error:
            return Tried(said(error.smtp_code, error.smtp_error))
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            problem = NOT_KNOWN if is_not_trusted(error) else f"{type(error).__name__}: {error}"
            return Tried(on_one_line(problem, LONGEST_ERROR))

    @contextmanager
    def session(self, own_name: str) -> Iterator[smtplib.SMTP]:
        """A connection that is encrypted and logged in, as the URL says; closed once its time is up."""
        smtp = self.connected(own_name)
        try:
            if smtp.is_late:  # it took all of its time to encrypt
                raise TimeoutError("timed out")
            if self.url.scheme == "smtp":
                smtp.starttls(context=self.tls)  # raises where the server has none
            if self.url.login is not None:
                smtp.login(*self.url.login)
            yield smtp
            with suppress(smtplib.SMTPException, OSError):  # it has the e-mail, or has refused it
                smtp.quit()
        finally:
            smtp.close()

    def connected(self, own_name: str) -> "TimedSmtp":
        host, port = self.url.host, self.url.port
        # Named, for otherwise this machine's own name is looked up, which may take long.
        if self.url.scheme == "smtps":
            return TimedSmtpOverTls(self.within, host, port, own_name, timeout=ANSWERS_WITHIN_S, context=self.tls)
        return TimedSmtp(self.within, host, port, own_name, timeout=ANSWERS_WITHIN_S)

    def hand_over(self, smtp: smtplib.SMTP, message: EmailMessage) -> Tried:
        try:
            smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, words),) = error.recipients.values()
            return Tried(said(code, words), is_final(code))
        except smtplib.SMTPDataError as error:
            return Tried(said(error.smtp_code, error.smtp_error), is_final(error.smtp_code))
        return Tried()


def is_final(code: int) -> bool:
    return code in PERMANENT and code != LOGIN_WANTED


class TimedSmtp(smtplib.SMTP):
    """A session that is cut off once its time is up, whatever the server still says: it may dawdle as it greets too."""

    def __init__(self, within: timedelta, *address: Any, **options: Any) -> None:
        self.closes = threading.Timer(within.total_seconds(), cut_off, [self])
        self.closes.daemon = True
        self.closes.start()
        try:
            super().__init__(*address, **options)
        except BaseException:
            self.closes.cancel()
            raise

    @property
    def is_late(self) -> bool:
        return self.closes.finished.is_set()

    def close(self) -> None:
        self.closes.cancel()
        super().close()


class TimedSmtpOverTls(TimedSmtp, smtplib.SMTP_SSL):
    """The same, encrypted from the beginning."""


def cut_off(smtp: smtplib.SMTP) -> None:
    """Have whoever waits for this server's answer stop waiting. From another thread."""
    with suppress(OSError):
        if smtp.sock is not None:
            # The socket below TLS: the one above is not for two threads.
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)


def said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return on_one_line(f"{code} {text}", LONGEST_ERROR)
