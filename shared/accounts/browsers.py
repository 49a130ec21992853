"""Browsers sign in: with the code of a link, once, or with a key. What they get is a key of their own, for a month."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlmodel import Session, col

from shared.accounts.keys import KeyTerms, NewKey, create_key, token_of
from shared.accounts.secrets import drawn_secret, hash_of
from shared.database.clock import database_time
from shared.models import ApiKey, Scope, SignInCode

LIFE_OF_CODE = timedelta(minutes=10)
LIFE = timedelta(days=30)
RENEWED_EVERY = timedelta(days=1)  # a cookie that was copied is good for no longer
NAME = "browser"


def create_code(session: Session, user_id: UUID, scopes: Sequence[Scope]) -> str:
    """A code that signs one browser in, once, within ten minutes. Codes whose time has run out go."""
    session.exec(delete(SignInCode).where(col(SignInCode.expires_at) <= func.now()))
    code = drawn_secret()
    kept = [str(scope) for scope in scopes]
    expires_at = database_time(session) + LIFE_OF_CODE
    session.add(SignInCode(code_hash=hash_of(code), user_id=user_id, scopes=kept, expires_at=expires_at))
    session.flush()
    return code


def link_with(base: str, code: str) -> str:
    """The link that signs a browser in. What is behind the # is sent to nobody: the page reads it."""
    return f"{base.rstrip('/')}/sign-in#{code}"


def sign_in_with_code(session: Session, code: str, name: str = NAME) -> NewKey | None:
    """A browser's key for the code, which is good no more. None if it is not known, was used, or its time ran out."""
    used = delete(SignInCode).where(col(SignInCode.code_hash) == hash_of(code)).returning(SignInCode)
    found = session.scalars(used).one_or_none()
    if found is None:
        return None
    now = database_time(session)
    if found.expires_at <= now:
        return None
    scopes = [Scope(scope) for scope in found.scopes]
    return create_key(session, found.user_id, KeyTerms(name, scopes, now + LIFE, is_browser=True))


def sign_in_with_key(session: Session, key: ApiKey, name: str = NAME) -> NewKey:
    """A browser's key with the rights and limits of this one, which ends with it."""
    ends = [at for at in (database_time(session) + LIFE, key.expires_at) if at]
    scopes = [Scope(scope) for scope in key.scopes]
    terms = KeyTerms(name, scopes, min(ends), key.limits, is_browser=True, made_by=key.id)
    return create_key(session, key.user_id, terms)


def renew(session: Session, key_id: str) -> NewKey | None:
    """The browser's key with another secret, if it has had this one for a day. Of two at once, one renews it."""
    secret = drawn_secret()
    long_ago = func.coalesce(ApiKey.renewed_at, ApiKey.created_at) <= func.now() - RENEWED_EVERY
    statement = (
        update(ApiKey)
        .where(col(ApiKey.id) == key_id, col(ApiKey.is_browser), col(ApiKey.revoked_at).is_(None), long_ago)
        .values(secret_hash=hash_of(secret), renewed_at=func.now())
        .returning(ApiKey)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    found = session.scalars(statement).one_or_none()
    return NewKey(found, token_of(key_id, secret)) if found else None


def seconds_left(key: ApiKey, now: datetime) -> int:
    """For how long a browser is to keep the key."""
    return max(0, round((key.expires_at - now).total_seconds())) if key.expires_at else 0
