"""Who is asking: a key is looked up by its id, and its secret compared by hash, in constant time."""

import hmac
import re
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, func, or_, update
from sqlmodel import col

from api_service.accounts.identity import Identity
from api_service.refusals.accounts import unauthenticated
from shared.accounts.secrets import hash_of
from shared.database.engine import transaction
from shared.models import ApiKey

KEY = re.compile(r"gn_([a-z0-9]{1,32})_([A-Za-z0-9_-]{1,128})")
BELIEVED_S = 1.0  # how long a process goes on believing what it read of a key
USED_EVERY = timedelta(minutes=1)  # how exactly `last_used_at` is kept
HASH_OF_NOTHING = hash_of("")
REMEMBERED = 10_000  # keys


class PresentedKey(NamedTuple):
    """A key as it was sent; it may be nobody's."""

    id: str
    secret: str


class CachedKey(NamedTuple):
    key: ApiKey | None
    until: float


class Keyring:
    """The keys of this deployment. What it read is believed for a second, so a key that is revoked is refused after
    that everywhere. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.known: dict[str, CachedKey] = {}

    def identify(self, authorization: str | None) -> Identity:
        """The identity behind an Authorization header. Raises Refusal: unauthenticated."""
        sent = key_in(authorization)
        return identity_of(sent, self.key(sent.id))

    def recall(self, authorization: str | None) -> Identity | None:
        """The same from memory alone: None where the database must be asked. Raises Refusal likewise."""
        sent = key_in(authorization)
        known = self.remembered(sent.id)
        return identity_of(sent, known.key) if known else None

    def remembered(self, key_id: str) -> CachedKey | None:
        """The cached key, or the cached fact that there is none."""
        known = self.known.get(key_id)
        return known if known and time.monotonic() < known.until else None

    def key(self, key_id: str) -> ApiKey | None:
        """A key as it was at most a second ago; that it was used is noted."""
        if known := self.remembered(key_id):
            return known.key
        with transaction(self.engine) as session:
            key = session.get(ApiKey, key_id)
            if key and (key.last_used_at is None or datetime.now(UTC) - key.last_used_at > USED_EVERY):
                long_ago = or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) < func.now() - USED_EVERY)
                session.exec(
                    update(ApiKey)
                    .where(col(ApiKey.id) == key_id, long_ago)
                    .values(last_used_at=func.now())
                    .execution_options(synchronize_session=False)
                )
        if len(self.known) >= REMEMBERED:
            self.known.clear()
        self.known[key_id] = CachedKey(key, time.monotonic() + BELIEVED_S)
        return key

    def forget(self, key_id: str) -> None:
        """Read a key again at its next use: it was changed here."""
        self.known.pop(key_id, None)


def key_in(authorization: str | None) -> PresentedKey:
    """The key in an Authorization header. Raises Refusal: unauthenticated."""
    if not authorization:
        raise unauthenticated("no key was sent")
    scheme, _, credentials = authorization.strip().partition(" ")
    found = KEY.fullmatch(credentials.strip())
    if scheme.lower() != "bearer" or not found:
        raise unauthenticated("the Authorization header holds no key")
    return PresentedKey(*found.groups())


def identity_of(sent: PresentedKey, key: ApiKey | None) -> Identity:
    """The identity behind a key that was sent, from its row. Raises Refusal: unauthenticated."""
    # Compared in any case, so that the time taken does not show which ids exist.
    good = hmac.compare_digest(hash_of(sent.secret), key.secret_hash if key else HASH_OF_NOTHING)
    if key is None or not good:
        raise unauthenticated("the key is not known")
    return identity_by(key)


def identity_by(key: ApiKey) -> Identity:
    """The identity of a key. Raises Refusal: unauthenticated, for one that is revoked or has expired."""
    if key.revoked_at is not None:
        raise unauthenticated("the key was revoked")
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        raise unauthenticated("the key has expired")
    return Identity(key.user_id, key.id, frozenset(key.scopes), key.limits)
