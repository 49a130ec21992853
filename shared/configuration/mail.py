"""Where e-mail is handed over, how, and whom it is from."""

import re
from email.headerregistry import Address
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator

from shared.configuration.types import Accepts
from shared.configuration.urls.secret_urls import AsMade, SecretUrl
from shared.outgoing.mail_addresses import checked_address

SMTP_URLS = (
    "smtp://[user:password@]host[:port] for STARTTLS, smtps://... for TLS from the first byte, or smtp+plain://host for"
    " a server of your own network, without a password"
)
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}", re.ASCII)
SENDERS = "an e-mail address, with a name before it if need be: Pictures <pictures@example.com>"
SENDER_NAME = re.compile(r"[^\0-\x1f\x7f<>\"\\@]{0,100}")


class SmtpServerUrl(SecretUrl):
    """The URL of a server that takes e-mail."""

    @property
    def scheme(self) -> str:
        return urlsplit(self).scheme

    @property
    def host(self) -> str:
        return urlsplit(self).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self).port or PORTS[self.scheme]

    @property
    def login(self) -> tuple[str, str] | None:
        """The user and the password."""
        parts = urlsplit(self)
        return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))


def smtp_url(value: str | SecretUrl | None) -> SmtpServerUrl | None:
    if value is None or isinstance(value, SmtpServerUrl):
        return value
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname or ""  # which may raise
    except ValueError:
        raise ValueError(SMTP_URLS) from None
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment) and port != 0
    is_secret = parts.scheme != "smtp+plain" or parts.username is None
    if parts.scheme not in PORTS or not HOST.fullmatch(host) or not (is_bare and is_secret):
        raise ValueError(SMTP_URLS)
    return SmtpServerUrl(value)


def mail_from(value: str | Address | None) -> Address | None:
    if value is None or isinstance(value, Address):
        return value
    try:
        name, has_name, address = value.rpartition("<")
        local, _, domain = checked_address(address.removesuffix(">") if has_name else value).rpartition("@")
    except ValueError:
        raise ValueError(SENDERS) from None
    if not SENDER_NAME.fullmatch(name):
        raise ValueError(SENDERS)
    return Address(name.strip(), local, domain)


MailFrom = Annotated[Address | None, AsMade, BeforeValidator(mail_from), Accepts(SENDERS)]
SmtpUrl = Annotated[SmtpServerUrl | None, AsMade, BeforeValidator(smtp_url)]
