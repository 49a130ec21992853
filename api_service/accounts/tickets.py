"""A ticket stands in for a key where no header can be sent: one stream, within a minute, with the key's rights."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, delete
from sqlmodel import col
from starlette.datastructures import QueryParams

from api_service.accounts.keyring import Identity, Keyring, hash_of, identity_by
from api_service.refusals.problems import unauthenticated
from api_service.services import Services
from shared.database.engine import transaction
from shared.models import StreamTicket

GOOD_FOR = timedelta(minutes=1)
KEY_NAMES = {"key", "api_key", "apikey", "token", "access_token", "authorization"}


class NewTicket(NamedTuple):
    ticket: str
    expires_at: datetime


def issue(engine: Engine, identity: Identity) -> NewTicket:
    """Make a ticket. Only its hash is kept."""
    made = NewTicket(f"st_{secrets.token_hex(32)}", datetime.now(UTC) + GOOD_FOR)
    with transaction(engine) as session:
        session.add(StreamTicket(secret_hash=hash_of(made.ticket), key_id=identity.key_id, expires_at=made.expires_at))
    return made


async def identify_stream(services: Services, headers: Mapping[str, str], query: QueryParams) -> Identity:
    """Who opens a stream: by the Authorization header, or else by `?ticket=`. Raises Problem 401."""
    refuse_keys(query)
    authorization, tickets = headers.get("authorization"), query.getlist("ticket")
    if authorization or not tickets:
        return await services.identify(authorization)
    if len(tickets) > 1:
        raise unauthenticated("more than one ticket was sent")
    return await services.run(redeem, services.engine, services.keyring, tickets[0])


def refuse_keys(query: QueryParams) -> None:
    """Raises Problem 401 for a key in a URL, even a good one: URLs are written to logs and histories."""
    for name, value in query.multi_items():
        if name.lower() in KEY_NAMES or value.lstrip().startswith(("gn_", "Bearer ")):
            raise unauthenticated("keys are not taken from URLs, and one that was in a URL should be revoked")


def redeem(engine: Engine, keyring: Keyring, ticket: str) -> Identity:
    """The identity that a ticket stands for; the ticket is used up. Raises Problem 401, whatever is wrong."""
    used = delete(StreamTicket).where(col(StreamTicket.secret_hash) == hash_of(ticket))
    with transaction(engine) as session:
        row = session.execute(used.returning(StreamTicket.key_id, StreamTicket.expires_at)).one_or_none()  # type: ignore[call-overload]
    key = keyring.key(row.key_id) if row and row.expires_at > datetime.now(UTC) else None
    if key is None:
        raise unauthenticated("the ticket is not known, was used, or is older than a minute")
    return identity_by(key)
