"""Whether a failed attempt is tried again, and when: a pure decision."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from shared.jobs.errors import GenerationError
from shared.models import Outcome
from worker_service.run.failures import treatment_of

FIRST = timedelta(seconds=40)
LONGEST = timedelta(seconds=320)


class Retry(NamedTuple):
    delay: timedelta
    outcome: Outcome


class Tries(NamedTuple):
    """How often the job was put back, how often it may be tried in all, and how often it failed with which code."""

    retries: int
    max_attempts: int
    failures: Mapping[str, int]


def decide(error: GenerationError, tries: Tries, chance: random.Random) -> Retry | None:
    """The retry that follows a failure, or None if there is none: it is of no use, or the attempts are used up.

    The delay is exponential with full jitter: anything from nothing to 40 s, 80 s, 160 s, 320 s. With the default of
    5 attempts the last one starts within 10 minutes of failures.
    """
    treatment = treatment_of(error)
    used_up = tries.retries + 1 >= tries.max_attempts
    too_often = treatment.most is not None and tries.failures.get(error.code, 0) >= treatment.most
    if treatment.again is None or used_up or too_often:
        return None
    longest = min(FIRST * 2 ** min(tries.retries, 10), LONGEST)
    delay = timedelta(seconds=chance.uniform(0, longest.total_seconds()))
    return Retry(delay, treatment.again)
