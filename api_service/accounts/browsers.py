"""What a browser is told when it signs in, comes back, or signs out."""

from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import Session

from api_service.refusals.accounts import unauthenticated
from shared.accounts.browsers import renew, seconds_left, sign_in_with_code, sign_in_with_key
from shared.accounts.keys import revoke_key
from shared.database.clock import database_time
from shared.database.engine import transaction
from shared.models import ApiKey, Scope, User

GONE = "this link was used already, or is older than ten minutes; make another with the keys command"


class Signed(NamedTuple):
    """Who a browser is signed in as. `token` is its new key, which it keeps for so many seconds; "" if it has one."""

    user: str
    is_admin: bool
    scopes: tuple[str, ...]
    token: str = ""
    seconds_left: int = 0


def signed_in_by_code(engine: Engine, code: str) -> Signed:
    """Sign in with the code of a link. Raises Refusal."""
    with transaction(engine) as session:
        made = sign_in_with_code(session, code)
        if made is None:
            raise unauthenticated(GONE)
        return signed(session, made.key, made.token)


def signed_in_by_key(engine: Engine, key_id: str) -> Signed:
    """Sign in with a key that was shown and is good. Raises Refusal."""
    with transaction(engine) as session:
        key = session.get(ApiKey, key_id)
        if key is None:
            raise unauthenticated("the key is not known")
        if Scope.NATIVE in key.scopes:
            raise unauthenticated("a key with the scope native opens no page: it is part of an address")
        made = sign_in_with_key(session, key)
        return signed(session, made.key, made.token)


def renewed(engine: Engine, key_id: str) -> Signed:
    """Who is signed in with this browser's key; once a day with another secret. Raises Refusal."""
    with transaction(engine) as session:
        made = renew(session, key_id)
        key = made.key if made else session.get(ApiKey, key_id)
        if key is None:
            raise unauthenticated("the key is not known")
        return signed(session, key, made.token if made else "")


def signed_out(engine: Engine, key_id: str) -> None:
    with transaction(engine) as session:
        revoke_key(session, key_id)


def signed(session: Session, key: ApiKey, token: str) -> Signed:
    user = session.get(User, key.user_id)
    assert user, "a key is of a user"
    left = seconds_left(key, database_time(session))
    return Signed(user.name, Scope.ADMIN in key.scopes, tuple(key.scopes), token, left)
