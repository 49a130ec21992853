"""Users and keys, as an admin makes, lists and changes them: each call is one transaction, and refuses what is not."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from api_service.refusals.accounts import key_not_found, name_taken, user_not_found
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from shared.accounts import keys, users
from shared.accounts.keys import KeyTerms, NewKey
from shared.database.clock import database_time
from shared.database.engine import transaction
from shared.models import ApiKey, User

NOT_IN_THE_FUTURE = FieldError(field="expires_at", message="must be in the future", code="value_error")


def create_user(engine: Engine, name: str, **columns: Any) -> User:
    """Make a user. Raises Refusal: name_taken."""
    with transaction(engine) as session:
        user = users.create_user(session, name, **columns)
    if user is None:
        raise name_taken(name)
    return user


def page_of_users(engine: Engine, after: str | None, limit: int) -> tuple[Sequence[User], bool]:
    """Users by name, after the one named, and whether there are more."""
    with transaction(engine) as session:
        found = users.list_users(session, after, limit + 1)
    return found[:limit], len(found) > limit


def find_user(engine: Engine, user_id: UUID) -> User:
    """Raises Refusal: user_not_found."""
    with transaction(engine) as session:
        return user_with(session, user_id)


def change_user(engine: Engine, user_id: UUID, values: Mapping[str, Any]) -> User:
    """Change a user's columns. Raises Refusal: user_not_found, name_taken."""
    try:
        with transaction(engine) as session:
            user = users.change_user(session, user_id, values)
    except IntegrityError:
        raise name_taken(values["name"]) from None
    if user is None:
        raise user_not_found(user_id)
    return user


def create_key(engine: Engine, user_id: UUID, terms: KeyTerms) -> NewKey:
    """Make a key for a user. Raises Refusal: user_not_found; invalid_fields, for one that has expired already."""
    with transaction(engine) as session:
        user_with(session, user_id)
        if terms.expires_at is not None and terms.expires_at <= database_time(session):
            raise invalid_fields([NOT_IN_THE_FUTURE])
        return keys.create_key(session, user_id, terms)


class KeysFound(NamedTuple):
    """Keys as they were at a moment, and whether there are more."""

    keys: Sequence[ApiKey]
    more: bool
    at: datetime


def page_of_keys(engine: Engine, user_id: UUID, after: str | None, limit: int) -> KeysFound:
    """A user's keys, the oldest first, after the one with this id. Raises Refusal: user_not_found."""
    with transaction(engine) as session:
        user_with(session, user_id)
        found = keys.keys_of(session, user_id, after, limit + 1)
        return KeysFound(found[:limit], len(found) > limit, database_time(session))


def revoke_key(engine: Engine, key_id: str) -> ApiKey:
    """Raises Refusal: key_not_found."""
    with transaction(engine) as session:
        key = keys.revoke_key(session, key_id)
    if key is None:
        raise key_not_found(key_id)
    return key


def user_with(session: Session, user_id: UUID) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise user_not_found(user_id)
    return user
