"""Where webhooks and e-mail arrive: each behind a link of its own, refusing now and then, keeping what it took."""

import hashlib
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from shared.messaging.messenger import Messenger
from shared.webhooks.signing import ID
from tests.chaos.proxy import Link
from tests.mail_server import ACCEPTED, MailServer, mail_server
from tests.notifications import listens_by_mail
from tests.raw_server import answer, playing
from tests.webhooks import endpoint, taken_apart

REFUSES_EVERY = 7  # request
REFUSES_MAILS = [ACCEPTED, ACCEPTED, "451 come again"]
MOST_MAILS = 10_000
WEBHOOKS, MAIL = "webhooks", "mail"


class Received(NamedTuple):
    """A request that arrived whole: its id, the SHA-256 of its body, and the status that it was answered with."""

    id: str
    sha256: str
    status: int


@dataclass
class Receivers:
    """The links by their names, what came to the webhooks, and the mail server."""

    links: dict[str, Link]
    mail: MailServer
    received: list[Received] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.links[WEBHOOKS].port}/{path}"

    @property
    def variables(self) -> dict[str, str]:
        """The settings of services that are to reach them."""
        return {
            "OUTGOING_ALLOW": "127.0.0.1",
            "SMTP_URL": f"smtp+plain://127.0.0.1:{self.links[MAIL].port}",
            "MAIL_FROM": "chaos@example.com",
            "PUBLIC_URL": "http://127.0.0.1:1",
        }

    def mailed(self) -> list[str]:
        """The ids of the e-mails that were taken."""
        return [str(mail["Message-ID"]) for mail in self.mail.received]

    def subscribe(self, messenger: Messenger, user_id: UUID) -> None:
        """From now on the user is owed a delivery and an e-mail for each end."""
        endpoint(messenger, self.url("all"), user_id=user_id)
        listens_by_mail(messenger, user_id)


@contextmanager
def receivers(make_link: Callable[[int], Link]) -> Iterator[Receivers]:
    received: list[Received] = []
    numbers = itertools.count(1)

    def play(connection: socket.socket, heard: bytes) -> None:
        headers, body = taken_apart(heard)
        while len(body) < int(headers["content-length"]):
            if not (more := connection.recv(65536)):
                return
            body += more
        status = 503 if next(numbers) % REFUSES_EVERY == 0 else 204
        # Before the answer, which may be lost.
        received.append(Received(headers[ID], hashlib.sha256(body).hexdigest(), status))
        connection.sendall(answer(b"", f"{status} So"))

    with ExitStack() as stack:
        webhooks = stack.enter_context(playing(play))
        mail = stack.enter_context(mail_server())
        mail.to_mails = list(itertools.islice(itertools.cycle(REFUSES_MAILS), MOST_MAILS))
        yield Receivers({WEBHOOKS: make_link(webhooks.port), MAIL: make_link(mail.port)}, mail, received)
