"""Standard Webhooks 1.0: what is signed, with which secret, and how both are written."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

PREFIX = "whsec_"
SECRET_BYTES = 32
SHORTEST, LONGEST = 24, 64  # bytes, of any secret


def drawn_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def as_shown(secret: bytes) -> str:
    """A secret as its owner gets it, and every library takes it."""
    return f"{PREFIX}{b64encode(secret).decode()}"


def secret_in(shown: str) -> bytes:
    """The secret that was written like this. Raises ValueError."""
    try:
        secret = b64decode(shown.removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not shown.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"must be `{PREFIX}` and the base64 of {SHORTEST} to {LONGEST} bytes")
    return secret


def message_id(delivery_id: UUID) -> str:
    """The same for each try: by it a receiver knows what it has had already."""
    return f"msg_{delivery_id.hex}"


def headers_for(delivery_id: UUID, body: bytes, at: datetime, signed_with: Iterable[bytes]) -> dict[str, str]:
    """The headers of one try at this moment. Each secret signs the id, the moment and the very bytes of the body."""
    identity, moment = message_id(delivery_id), f"{at.timestamp():.0f}"
    signed = b".".join([identity.encode(), moment.encode(), body])
    signatures = (b64encode(hmac.new(secret, signed, sha256).digest()).decode() for secret in signed_with)
    return {
        "webhook-id": identity,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
