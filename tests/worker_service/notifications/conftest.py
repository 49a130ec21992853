"""What sends e-mail, and a server that takes it."""

import threading
from collections.abc import Callable, Iterator
from email.headerregistry import Address

import pytest
from sqlalchemy import Engine

from shared.configuration.mail import SmtpServerUrl
from tests.mail_server import MailServer, mail_server
from worker_service.notifications.message import Letterhead
from worker_service.notifications.post_office import PostOffice
from worker_service.notifications.sender import Mailing

LETTERHEAD = Letterhead(Address("Pictures", "pictures", "example.com"), "https://pictures.example.com")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mailing_to(engine: Engine) -> Iterator[Callable[[int], Mailing]]:
    """What a worker's threads share, with the server on this port."""
    closing = threading.Event()

    def made(port: int) -> Mailing:
        return Mailing(engine, PostOffice(SmtpServerUrl(f"smtp+plain://127.0.0.1:{port}")), LETTERHEAD, closing)

    yield made
    closing.set()


@pytest.fixture
def mailing(mail: MailServer, mailing_to: Callable[[int], Mailing]) -> Mailing:
    return mailing_to(mail.port)
