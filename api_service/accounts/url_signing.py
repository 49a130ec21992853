"""The URL of a file works for a while without a key, for whoever was shown it: it is signed for one key.

A signature is the id of the key, encrypted together with the address and the end of the URL (AES-SIV): nobody can read
the id, change the address or the end, or make another. The key itself is looked up at each use, so the URL ends with
the key. The secrets are rows that all API processes share. A new one is drawn each day, and the one before it verifies
for as long as a URL that it signed may live.
"""

import math
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Engine, delete, func
from sqlmodel import Session, col, select

from api_service.accounts.identity import Identity
from api_service.accounts.keyring import Keyring, identity_by
from api_service.refusals.accounts import unauthenticated
from shared.database.clock import EPOCH, database_time
from shared.database.engine import reading, transaction
from shared.models import UrlSecret

SIGNS_FOR = timedelta(days=1)  # each secret; after that the next one does
BELIEVED_S = 5.0  # how long a process goes on with the secrets that it read
LOOKED_AGAIN_S = 1.0  # how often it looks for a secret that another process may just have drawn
STEPS = 4  # of a lifetime: URLs of one file are equal within a step, so that browsers find them in their caches
SIGNATURE = re.compile(r"[A-Za-z0-9_-]{23,100}")
MOMENT = re.compile(r"[0-9]{1,11}", re.ASCII)


class Signer(NamedTuple):
    """Signs URLs that all end at the same moment, in seconds since 1970."""

    cipher: AESSIV
    expires: int

    def signature(self, address: str, key_id: str) -> str:
        sealed = self.cipher.encrypt(key_id.encode(), bound(address, self.expires))
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    @property
    def expires_at(self) -> datetime:
        return EPOCH + timedelta(seconds=self.expires)


class KnownSecrets(NamedTuple):
    """The secrets as they were read, the newest first; when, by time.monotonic(), and what the database's clock said
    then, in seconds since 1970."""

    ciphers: tuple[AESSIV, ...]
    read_at: float
    said: float

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.read_at

    @property
    def now(self) -> float:
        return self.said + self.age_s


class UrlSigning:
    """Signs and verifies the URLs of this deployment's files. Safe to use from several threads."""

    def __init__(self, engine: Engine, keyring: Keyring, lifetime: timedelta) -> None:
        self.engine = engine
        self.keyring = keyring
        self.lifetime = lifetime
        self.known: KnownSecrets | None = None

    def recall(self) -> Signer | None:
        """What signs now, from memory alone: None where the database must be asked."""
        known = self.remembered()
        return self.signing_with(known) if known else None

    def remembered(self) -> KnownSecrets | None:
        known = self.known
        return known if known and known.age_s < BELIEVED_S else None

    def signer(self) -> Signer:
        """What signs now. May block."""
        return self.recall() or self.signing_with(self.read())

    def signing_with(self, known: KnownSecrets) -> Signer:
        step_s = self.lifetime.total_seconds() / STEPS
        return Signer(known.ciphers[0], math.ceil((math.ceil(known.now / step_s) + STEPS) * step_s))

    def identify(self, address: str, expires: str, signature: str) -> Identity:
        """By whose key the URL was signed. May block. Raises Refusal: unauthenticated."""
        if not (MOMENT.fullmatch(expires) and SIGNATURE.fullmatch(signature)):
            raise unauthenticated("the URL's signature is malformed")
        known = self.remembered() or self.read()
        if int(expires) <= known.now:
            raise unauthenticated("the URL has expired; ask for the job or the asset again")
        key_id = key_in(known, address, int(expires), signature)
        if key_id is None and known.age_s > LOOKED_AGAIN_S:
            key_id = key_in(self.read(), address, int(expires), signature)
        found = self.keyring.key(key_id) if key_id else None
        if found is None or found.key is None:
            raise unauthenticated("the URL was not signed here, or it was changed")
        return identity_by(found.key, found.expires)

    def read(self) -> KnownSecrets:
        """Read the secrets; draw one where the newest has signed for long enough. Of two that are drawn at once both
        are good."""
        asked_at = time.monotonic()
        with reading(self.engine) as session:
            rows, now = self.rows(session)
        if not rows or now - rows[0].created_at >= SIGNS_FOR:
            with transaction(self.engine) as session:
                session.exec(delete(UrlSecret).where(col(UrlSecret.created_at) <= func.now() - self.kept))
                session.add(UrlSecret(secret=secrets.token_bytes(64)))
                session.flush()
                rows, now = self.rows(session)
        self.known = KnownSecrets(tuple(AESSIV(row.secret) for row in rows), asked_at, (now - EPOCH).total_seconds())
        return self.known

    @property
    def kept(self) -> timedelta:
        """For how long a secret is good: longer than any URL that it signed."""
        return SIGNS_FOR + 2 * self.lifetime

    def rows(self, session: Session) -> tuple[list[UrlSecret], datetime]:
        newest_first = select(UrlSecret).order_by(col(UrlSecret.created_at).desc(), col(UrlSecret.id).desc())
        found = session.exec(newest_first.where(col(UrlSecret.created_at) > func.now() - self.kept))
        return list(found), database_time(session)


def bound(address: str, expires: int) -> list[bytes]:
    """What a signature is bound to."""
    return [address.encode(), str(expires).encode()]


def key_in(known: KnownSecrets, address: str, expires: int, signature: str) -> str | None:
    """The id of the key for which this was signed here. None if it was not."""
    for cipher in known.ciphers:
        with suppress(InvalidTag, ValueError):  # of another secret; no base64
            sealed = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
            return cipher.decrypt(sealed, bound(address, expires)).decode()
    return None
