"""Users and their keys: made, listed, revoked. A secret is shown once, and only its hash is kept."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import func, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from api_service.accounts.keyring import hash_of
from shared.models import ApiKey, Scope, User

ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class NewKey(NamedTuple):
    """A key as it was made, and the whole of it, which nobody can be shown again."""

    key: ApiKey
    token: str


def user_named(session: Session, name: str) -> User:
    """The user of that name, made now if there is none."""
    create_user(session, name)
    return session.exec(select(User).where(User.name == name)).one()


def find_user(session: Session, name: str) -> User | None:
    return session.exec(select(User).where(User.name == name)).one_or_none()


def create_user(session: Session, name: str, running_jobs_limit: int | None = None) -> User | None:
    """Make a user. None if somebody has the name already."""
    values = {"id": uuid4(), "name": name, "running_jobs_limit": running_jobs_limit}
    statement = insert(User).values(values).on_conflict_do_nothing(index_elements=["name"]).returning(User)
    return session.scalars(statement).one_or_none()


def change_user(session: Session, user_id: UUID, values: Mapping[str, Any]) -> User | None:
    """Change a user's columns. None if there is no such user. Raises IntegrityError if another has the name."""
    user = session.get(User, user_id, with_for_update=True)
    if user is not None:
        user.sqlmodel_update(dict(values))
        session.flush()
    return user


def list_users(session: Session, after: str | None, limit: int) -> Sequence[User]:
    """Users by name, after the one named."""
    users = select(User).order_by(col(User.name)).limit(limit)
    return session.exec(users if after is None else users.where(User.name > after)).all()


def create_key(
    session: Session,
    user_id: UUID,
    name: str,
    *,
    scopes: Sequence[Scope],
    expires_at: datetime | None = None,
    limits: Mapping[str, Any] | None = None,
) -> NewKey:
    """Make a key for a user."""
    key_id = "".join(secrets.choice(ID_LETTERS) for _ in range(12))
    secret = secrets.token_hex(32)
    key = ApiKey(
        id=key_id,
        user_id=user_id,
        name=name,
        secret_hash=hash_of(secret),
        scopes=[str(scope) for scope in dict.fromkeys(scopes)],
        limits=dict(limits or {}),
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return NewKey(key, f"gn_{key_id}_{secret}")


def revoke_key(session: Session, key_id: str) -> ApiKey | None:
    """Make a key good for nothing, for ever. Twice is the same as once. None if there is no such key."""
    statement = (
        update(ApiKey)
        .where(col(ApiKey.id) == key_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        .returning(ApiKey)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return session.scalars(statement).one_or_none()


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
