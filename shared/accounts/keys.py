"""API keys: made, listed and revoked. A key is shown once; only the hash of its secret is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, tuple_, update
from sqlmodel import Session, col, select

from shared.accounts.secrets import drawn_id, drawn_secret, hash_of
from shared.models import ApiKey, Scope, User


class NewKey(NamedTuple):
    """A key as it was made, and the whole of it, which nobody can be shown again."""

    key: ApiKey
    token: str


class KeyState(StrEnum):
    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state_of(key: ApiKey, now: datetime) -> KeyState:
    """What a key is good for at this moment of the database's clock."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    expired = key.expires_at is not None and key.expires_at <= now
    return KeyState.EXPIRED if expired else KeyState.GOOD


class KeyTerms(NamedTuple):
    """What a key is for, what it may do, until when, and limits of its own."""

    name: str
    scopes: Sequence[Scope]
    expires_at: datetime | None = None
    limits: Mapping[str, Any] = {}
    is_browser: bool = False
    made_by: str | None = None


def create_key(session: Session, user_id: UUID, terms: KeyTerms) -> NewKey:
    """Make a key for a user."""
    key_id, secret = drawn_id(), drawn_secret()
    key = ApiKey(
        id=key_id,
        user_id=user_id,
        name=terms.name,
        secret_hash=hash_of(secret),
        scopes=[str(scope) for scope in dict.fromkeys(terms.scopes)],
        limits=dict(terms.limits),
        expires_at=terms.expires_at,
        is_browser=terms.is_browser,
        made_by=terms.made_by,
    )
    session.add(key)
    session.flush()
    return NewKey(key, token_of(key_id, secret))


def token_of(key_id: str, secret: str) -> str:
    """The whole of a key, as its owner sends it."""
    return f"gn_{key_id}_{secret}"


def revoke_key(session: Session, key_id: str) -> ApiKey | None:
    """Revoke a key for good, and the browsers that it signed in. Twice is the same as once. None if there is no such
    key."""
    statement = (
        update(ApiKey)
        .where(or_(col(ApiKey.id) == key_id, col(ApiKey.made_by) == key_id))
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        .returning(ApiKey)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return next((key for key in session.scalars(statement).all() if key.id == key_id), None)


def keys_of(session: Session, user_id: UUID, after: str | None, limit: int) -> Sequence[ApiKey]:
    """A user's keys, the oldest first, after the one with this id."""
    age = tuple_(col(ApiKey.created_at), col(ApiKey.id))
    keys = select(ApiKey).where(ApiKey.user_id == user_id).order_by(col(ApiKey.created_at), col(ApiKey.id))
    if after is not None:
        last = select(ApiKey.created_at, ApiKey.id).where(ApiKey.id == after).scalar_subquery()
        keys = keys.where(age > last)
    return session.exec(keys.limit(limit)).all()


def list_keys(session: Session, user_id: UUID | None = None) -> Sequence[tuple[ApiKey, User]]:
    """All keys with their users, or those of one user, by user and age."""
    keys = select(ApiKey, User).join(User, col(User.id) == col(ApiKey.user_id))
    if user_id is not None:
        keys = keys.where(ApiKey.user_id == user_id)
    return session.exec(keys.order_by(col(User.name), col(ApiKey.created_at), col(ApiKey.id))).all()
