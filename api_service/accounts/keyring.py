"""Who is asking: a key is looked up by its id, and its secret compared by hash, in constant time."""

import base64
import binascii
import hmac
import math
import re
import time
from collections import OrderedDict
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Engine, String, bindparam, func, or_, update
from sqlmodel import Session, col

from api_service.accounts.identity import Identity
from api_service.refusals.accounts import unauthenticated
from api_service.refusals.refusal import Refusal
from shared.accounts.secrets import hash_of
from shared.database.engine import once_more, reading, transaction
from shared.database.prepared_rows import AsOf, row_as_of
from shared.models import ApiKey

T = TypeVar("T")

KEY = re.compile(r"gn_([a-z0-9]{1,32})_([A-Za-z0-9_-]{1,128})")
BELIEVED_S = 1.0  # how long a process goes on believing what it read of a key
USED_EVERY = timedelta(minutes=1)  # how exactly `last_used_at` is kept
HASH_OF_NOTHING = hash_of("")
REMEMBERED = 10_000  # keys
LONGEST_BASIC = 1024  # characters


THIS_KEY = bindparam("this_key", type_=String)
READ_KEY = row_as_of("read_key", ApiKey, col(ApiKey.id) == THIS_KEY)


class PresentedKey(NamedTuple):
    """A key as it was sent; it may be nobody's."""

    id: str
    secret: str


class KnownKey(NamedTuple):
    """What was read of a key, None where there is none; until when that is believed, and when the key expires.

    The two moments are of time.monotonic(): how far ahead they were, the database has said.
    """

    key: ApiKey | None
    until: float
    expires: float = math.inf


class Keyring:
    """The keys of this deployment. What it read is believed for a second, so a key that is revoked is refused after
    that everywhere. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.known: OrderedDict[str, KnownKey] = OrderedDict()
        self.good: OrderedDict[str, bytes] = OrderedDict()  # the hashes of secrets that were right when last asked

    def identify(self, authorization: str | None) -> Identity:
        """The identity behind an Authorization header. Raises Refusal: unauthenticated."""
        sent = key_in(authorization)
        return self.identity(sent, self.key(sent.id))

    def identity(self, sent: PresentedKey, known: KnownKey) -> Identity:
        """The identity behind a key that was sent, by what was just read of it. Raises Refusal: unauthenticated."""
        try:
            identity = identity_of(sent, known)
        except Refusal:
            self.good.pop(sent.id, None)
            raise
        remember(self.good, sent.id, hash_of(sent.secret))
        return identity

    def was_good(self, authorization: str | None) -> bool:
        """Whether this very key was good when it was last looked up: it may be no more. From memory alone."""
        try:
            sent = key_in(authorization)
        except Refusal:
            return False
        return hmac.compare_digest(self.good.get(sent.id, b""), hash_of(sent.secret))

    def recall(self, authorization: str | None) -> Identity | None:
        """The same from memory alone: None where the database must be asked. Raises Refusal likewise."""
        sent = key_in(authorization)
        known = self.remembered(sent.id)
        return identity_of(sent, known) if known else None

    def remembered(self, key_id: str) -> KnownKey | None:
        """The cached key, or the cached fact that there is none."""
        known = self.known.get(key_id)
        return known if known and time.monotonic() < known.until else None

    def key(self, key_id: str) -> KnownKey:
        """A key as it was at most a second ago; that it was used is noted."""
        if known := self.remembered(key_id):
            return known
        asked_at = time.monotonic()
        found = once_more(partial(self.read, key_id))
        if found and is_to_be_noted(*found):
            with transaction(self.engine) as session:
                note_use(session, key_id)
        known = KnownKey(None, asked_at + BELIEVED_S)
        if found:
            known = known._replace(key=found[0], expires=asked_at + seconds_left(*found))
        remember(self.known, key_id, known)
        return known

    def read(self, key_id: str) -> AsOf[ApiKey] | None:
        with reading(self.engine) as session:
            return READ_KEY.one_or_none(session, {THIS_KEY.key: key_id})

    def forget(self, key_id: str) -> None:
        """Read a key again at its next use: it was changed here."""
        self.known.pop(key_id, None)


def key_in(authorization: str | None) -> PresentedKey:
    """The key in an Authorization header: a bearer's, or the password of anybody. Raises Refusal: unauthenticated."""
    if not authorization:
        raise unauthenticated("no key was sent")
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    found = KEY.fullmatch(password_in(credentials) if scheme.lower() == "basic" else credentials)
    if scheme.lower() not in {"bearer", "basic"} or not found:
        raise unauthenticated("the Authorization header holds no key")
    return PresentedKey(*found.groups())


def password_in(credentials: str) -> str:
    """The password of Basic credentials (RFC 7617); of a program that knows one word only, its user."""
    try:
        user, _, password = base64.b64decode(credentials[:LONGEST_BASIC], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or user


def remember(kept: OrderedDict[str, T], key_id: str, value: T) -> None:
    """Keep the value; of too many, the oldest is forgotten."""
    kept[key_id] = value
    kept.move_to_end(key_id)
    if len(kept) > REMEMBERED:
        kept.popitem(last=False)


def is_to_be_noted(key: ApiKey, now: datetime) -> bool:
    return key.last_used_at is None or now - key.last_used_at > USED_EVERY


def note_use(session: Session, key_id: str) -> None:
    long_ago = or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) < func.now() - USED_EVERY)
    session.exec(
        update(ApiKey)
        .where(col(ApiKey.id) == key_id, long_ago)
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )


def seconds_left(key: ApiKey, now: datetime) -> float:
    return math.inf if key.expires_at is None else (key.expires_at - now).total_seconds()


def identity_of(sent: PresentedKey, known: KnownKey) -> Identity:
    """The identity behind a key that was sent, from its row. Raises Refusal: unauthenticated."""
    # Compared in any case, so that the time taken does not show which ids exist.
    good = hmac.compare_digest(hash_of(sent.secret), known.key.secret_hash if known.key else HASH_OF_NOTHING)
    if known.key is None or not good:
        raise unauthenticated("the key is not known")
    return identity_by(known.key, known.expires)


def identity_by(key: ApiKey, expires: float) -> Identity:
    """The identity of a key. Raises Refusal: unauthenticated, for one that is revoked or has expired."""
    if key.revoked_at is not None:
        raise unauthenticated("the key was revoked")
    if time.monotonic() >= expires:
        raise unauthenticated("the key has expired")
    return Identity(key.user_id, key.id, frozenset(key.scopes), key.limits)
