"""How much a key may ask for: what its own row says, or else the settings."""

from enum import StrEnum

from api_service.accounts.identity import Identity
from shared.configuration.settings import Settings


class Limit(StrEnum):
    """What a key can be limited in. The setting of each is `LIMIT_` and its name."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    SUBMISSIONS_PER_HOUR = "submissions_per_hour"
    QUEUED_JOBS = "queued_jobs"
    STORED_BYTES = "stored_bytes"
    OPEN_STREAMS = "open_streams"


def effective_limit(settings: Settings, identity: Identity, limit: Limit) -> int | None:
    """How much of it the key may have; None for no limit."""
    if limit in identity.limits:
        own: int | None = identity.limits[limit]
        return own
    usual: int | None = getattr(settings, f"limit_{limit}")
    return usual
