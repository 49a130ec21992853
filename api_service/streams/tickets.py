"""A ticket replaces a key where no header can be sent. It opens one stream, and only that stream's client resumes it.

URLs get into logs and histories, so a ticket in one must be worth little: it opens one stream within a minute, and
then nothing. Server-sent events carry a second secret, in their ids. A browser sends the last id back in a header when
it connects again, and with it the ticket resumes the same stream: on one connection at a time, after a pause of up to
a minute, for up to a day.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Row, Update, delete, func, insert, update
from sqlmodel import col

from api_service.accounts.identity import Identity
from api_service.accounts.keyring import Keyring, identity_by
from api_service.refusals.accounts import unauthenticated
from shared.accounts.secrets import hash_of
from shared.database.engine import transaction
from shared.models import StreamTicket


@dataclass(frozen=True)
class TicketTimings:
    life: timedelta = timedelta(minutes=1)  # how long a new ticket waits for its first use
    pause: timedelta = timedelta(minutes=1)  # how long a client may be away before its ticket expires
    maximum_age: timedelta = timedelta(hours=24)  # after its first use


class NewTicket(NamedTuple):
    ticket: str
    expires_at: datetime


@dataclass(frozen=True)
class TicketIdentity(Identity):
    """An identity by a ticket that may be used again, together with `resume_secret`."""

    ticket_hash: bytes
    connection: int
    resume_secret: str


@dataclass(frozen=True)
class Tickets:
    """The tickets of this deployment. Its methods do blocking work."""

    engine: Engine
    keyring: Keyring
    timings: TicketTimings

    def issue(self, identity: Identity) -> NewTicket:
        """Make a ticket. Only its hash is kept."""
        ticket = f"st_{secrets.token_hex(32)}"
        new = insert(StreamTicket).values(
            secret_hash=hash_of(ticket), key_id=identity.key_id, expires_at=func.now() + self.timings.life
        )
        with transaction(self.engine) as session:
            expires_at = session.scalars(new.returning(col(StreamTicket.expires_at))).one()
        return NewTicket(ticket, expires_at)

    def redeem(self, ticket: str) -> Identity:
        """Use a ticket up. Returns the identity of its key. Raises Refusal."""
        used = delete(StreamTicket).where(*usable(ticket), col(StreamTicket.connections) == 0)
        with transaction(self.engine) as session:
            row = session.execute(used.returning(col(StreamTicket.key_id))).one_or_none()
        return self.identity(row)

    def open(self, ticket: str, stream: str) -> TicketIdentity:
        """Use a ticket for its first stream, which it may resume from now on. Raises Refusal."""
        resume_secret = secrets.token_hex(16)
        opened = update(StreamTicket).where(*usable(ticket), col(StreamTicket.connections) == 0)
        return self.connect(
            ticket,
            resume_secret,
            opened.values(
                stream_hash=hash_of(stream),
                resume_hash=hash_of(resume_secret),
                resumable_until=func.now() + self.timings.maximum_age,
            ),
        )

    def resume(self, ticket: str, stream: str, resume_secret: str) -> TicketIdentity:
        """Use a ticket for its own stream again, with the secret that was sent within that. Raises Refusal."""
        resumed = update(StreamTicket).where(
            *usable(ticket),
            col(StreamTicket.stream_hash) == hash_of(stream),
            col(StreamTicket.resume_hash) == hash_of(resume_secret),
            col(StreamTicket.resumable_until) > func.now(),
        )
        return self.connect(ticket, resume_secret, resumed)

    def connect(self, ticket: str, resume_secret: str, opened: Update) -> TicketIdentity:
        """Use a ticket for one more connection, as this statement does."""
        opened = opened.values(
            connections=col(StreamTicket.connections) + 1,
            expires_at=func.now() + self.timings.pause,
        ).returning(col(StreamTicket.key_id), col(StreamTicket.connections))
        with transaction(self.engine) as session:
            row = session.execute(opened.execution_options(synchronize_session=False)).one_or_none()
        identity = self.identity(row)
        return TicketIdentity(
            **vars(identity),
            ticket_hash=hash_of(ticket),
            connection=row.connections if row else 0,
            resume_secret=resume_secret,
        )

    def identity(self, row: Row[Any] | None) -> Identity:
        known = self.keyring.key(row.key_id) if row else None
        if known is None or known.key is None:
            raise unauthenticated("the ticket is unknown, expired or already used")
        return identity_by(known.key, known.expires)


def usable(ticket: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(StreamTicket.secret_hash) == hash_of(ticket), col(StreamTicket.expires_at) > func.now()
