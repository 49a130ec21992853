"""Whether a failed attempt is tried again, and when: a pure decision."""

import random
from datetime import timedelta
from typing import NamedTuple

from shared.errors import GenerationError, Settled, Transient
from shared.models import Outcome

FIRST = timedelta(seconds=30)
LONGEST = timedelta(minutes=5)


class Retry(NamedTuple):
    delay: timedelta
    outcome: Outcome


def decide(error: GenerationError, *, retries: int, max_attempts: int, chance: random.Random) -> Retry | None:
    """The retry that follows a failure, or None if there is none: it was permanent, or the attempts are used up.

    The delay is exponential with full jitter: anything from nothing to 30 s, 60 s, 120 s, 240 s. With the default of
    5 attempts the last one starts within 8 minutes of failures.
    """
    if not isinstance(error, Transient) or retries + 1 >= max_attempts:
        return None
    longest = min(FIRST * 2 ** min(retries, 10), LONGEST)
    delay = timedelta(seconds=chance.uniform(0, longest.total_seconds()))
    return Retry(delay, Outcome.RETRIED if isinstance(error, Settled) else Outcome.IN_DOUBT)
