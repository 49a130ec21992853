"""Whether more jobs of a user may wait: counted once in a while, and known in between from what was accepted since.

Counting them costs more the more there are, and a submission is no time for that. A job that waits now did so when they
were counted, or was held by a worker then and has come back, or was accepted since: how many those are, the owner's
rows of `user_turns` say, which each submission writes anyway. So there is a number that is never too small. Where it
would be too many, they are counted, and what is refused is refused for the exact number.
"""

import time
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from shared.accounts.quotas import jobs_counted

GOOD_FOR_S = 60.0  # what an older release accepts beside us is counted by nobody
MOST_USERS = 10_000  # of whom it is known, in one process


class Bound(NamedTuple):
    """No more jobs of a user wait than `most` and those that were accepted after the first `accepted`."""

    most: int
    accepted: int
    until: float

    def now(self, accepted: int) -> int:
        return self.most + accepted - self.accepted


class WaitingJobs:
    """What one process knows of the jobs that wait. Only where users take turns are accepted ones counted."""

    def __init__(self, *, is_fair: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_fair = is_fair
        self.clock = clock
        self.bounds: dict[UUID, Bound] = {}

    def have_room(self, session: Session, user_id: UUID, accepted: int, *, most: int, more: int) -> bool:
        """Whether there may be so many more, where `most` of a user may wait. `accepted` are those that ever were.

        Those who submit at the same moment do not see each other, and may pass the limit by what they submit then.
        """
        bound, now = self.bounds.get(user_id), self.clock()
        if bound and now < bound.until and bound.now(accepted) + more <= most:
            return True
        counted = jobs_counted(session, user_id, count_to=most + 1)
        if counted.waiting + more > most:
            return False
        if self.is_fair:
            if len(self.bounds) >= MOST_USERS:
                self.bounds.clear()
            self.bounds[user_id] = Bound(counted.waiting + counted.held, counted.accepted, now + GOOD_FOR_S)
        return True
