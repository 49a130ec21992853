"""A secret that signs webhooks, as every library of Standard Webhooks writes it: `whsec_` and base64."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes, of any secret
ACCEPTED = f"`{PREFIX}` and the base64 of {SHORTEST} to {LONGEST} bytes"


@dataclass(frozen=True)
class WebhookSecret:
    """The bytes of a secret. As text it says only that there is one."""

    value: bytes

    @property
    def good(self) -> Sequence[bytes]:
        """All that a signature may be made with now."""
        return (self.value,)

    def __repr__(self) -> str:
        return f"{PREFIX}***"


def secret_in(shown: str) -> bytes:
    """The secret that was written like this. Raises ValueError."""
    try:
        secret = b64decode(shown.removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not shown.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"must be {ACCEPTED}")
    return secret


def webhook_secret(value: str | WebhookSecret | None) -> WebhookSecret | None:
    """A setting. Raises ValueError, with what is accepted."""
    if value is None or isinstance(value, WebhookSecret):
        return value
    try:
        return WebhookSecret(secret_in(value))
    except ValueError:
        raise ValueError(ACCEPTED) from None
