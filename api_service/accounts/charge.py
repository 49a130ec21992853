"""What one request has counted against the key it came with."""

from dataclasses import dataclass
from typing import Any

from api_service.accounts.identity import Identity


@dataclass
class Charge:
    """Who asks, what is left of their rate after this request (`rate`; a door may show it), and how many submissions
    are counted for it and not used yet."""

    identity: Identity
    rate: Any = None  # None where requests are not counted
    reserved: int = 0
