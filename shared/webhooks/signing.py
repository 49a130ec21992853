"""Standard Webhooks 1.0: what is signed, with which secret, and how both are written."""

import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from shared.configuration.secrets.webhook_secret import PREFIX

SECRET_BYTES = 32
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
MOST_APART = timedelta(minutes=5)  # of the clocks of both sides, as in the libraries
SECONDS = re.compile(r"[0-9]{1,12}")


def drawn_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def as_shown(secret: bytes) -> str:
    """A secret as its owner gets it, and every library takes it."""
    return f"{PREFIX}{b64encode(secret).decode()}"


def message_id(delivery_id: UUID) -> str:
    """The same for each try: by it a receiver knows what it has had already."""
    return f"msg_{delivery_id.hex}"


def headers_for(delivery_id: UUID, body: bytes, at: datetime, signed_with: Iterable[bytes]) -> dict[str, str]:
    """The headers of one try at this moment. Each secret signs the id, the moment and the very bytes of the body."""
    identity, moment = message_id(delivery_id), f"{at.timestamp():.0f}"
    signatures = (signature_of(secret, identity, moment, body) for secret in signed_with)
    return {ID: identity, TIMESTAMP: moment, SIGNATURE: " ".join(signatures)}


def signature_of(secret: bytes, identity: str, moment: str, body: bytes) -> str:
    signed = b".".join([identity.encode(), moment.encode(), body])
    return f"v1,{b64encode(hmac.new(secret, signed, sha256).digest()).decode()}"


def is_signed(sent: tuple[str, str, str], body: bytes, secret: bytes) -> bool:
    """Whether one of the signatures is good. `sent` are the id, the moment and the signatures."""
    identity, moment, signatures = sent
    good = signature_of(secret, identity, moment, body).encode()
    return any(hmac.compare_digest(one.encode(), good) for one in signatures.split(" "))


def is_of_now(moment: str, now: datetime) -> bool:
    """Whether a time stamp is near enough to this moment."""
    return bool(SECONDS.fullmatch(moment)) and abs(int(moment) - now.timestamp()) <= MOST_APART.total_seconds()
