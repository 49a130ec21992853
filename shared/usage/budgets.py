"""How much a user may use in a month: as the settings say, or as an admin says of a user.

GPU seconds are those that were used, without those of attempts whose worker was lost: jobs that wait or run when the
budget is reached go on, and may pass it. Jobs are those that were completed or have failed, and those that have not
ended yet: only those who submit at the same moment may pass it. A month is one of the calendar, in UTC.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text
from sqlmodel import Session

from shared.accounts.quotas import count_jobs
from shared.configuration.settings import Settings
from shared.models import LIVE, User
from shared.usage.days import USED

BEGAN = text("date_trunc('month', timezone('UTC', now()))::date")
ENDS = text("timezone('UTC', date_trunc('month', timezone('UTC', now())) + interval '1 month')")


class Budget(StrEnum):
    """What a user can have a budget of. Each has a setting BUDGET_<NAME>."""

    GPU_SECONDS = "gpu_seconds"
    JOBS = "jobs"

    @property
    def limit(self) -> str:
        """What it is called where it refuses."""
        return f"budget_{self}"


Budgets = Mapping[Budget, int | None]
NO_BUDGETS: Budgets = MappingProxyType(dict.fromkeys(Budget))


def usual_budgets(settings: Settings) -> Budgets:
    """How much who may use of whom nothing is said; None for as much as wanted."""
    return {budget: getattr(settings, f"budget_{budget}") for budget in Budget}


def budgets_of(user: User, usual: Budgets) -> Budgets:
    return {budget: user.budget.get(budget, usual[budget]) for budget in Budget}


class Spending(NamedTuple):
    """What a user has used of this month's budgets, and when the next month begins."""

    gpu_seconds: float
    jobs: int
    now: datetime
    resets_at: datetime

    @property
    def resets_in_s(self) -> int:
        """Whole seconds after which there is a new budget."""
        return math.ceil((self.resets_at - self.now).total_seconds())


class UsedUp(NamedTuple):
    """A budget that does not suffice: which, why, and in how many seconds there is a new one."""

    budget: Budget
    reason: str
    again_in_s: int


def spending_of(session: Session, user_id: UUID, count_live_to: int | None = None) -> Spending:
    """What a user has used this month; jobs that have not ended are counted no further than is asked."""
    microseconds = func.coalesce(func.sum(USED.c.gpu_us - USED.c.lost_us), 0)
    ended = func.coalesce(func.sum(USED.c.completed + USED.c.failed), 0)
    mine = (USED.c.user_id == user_id, USED.c.day >= BEGAN)
    used, jobs, now, resets_at = session.execute(select(microseconds, ended, func.now(), ENDS).where(*mine)).one()
    live = count_jobs(session, user_id, LIVE, count_live_to)
    return Spending(int(used) / 1_000_000, int(jobs) + live, now, resets_at)


def jobs_left(session: Session, user: User, usual: Budgets) -> int | None:
    """How many more jobs the user's budget has room for; None for as many as wanted."""
    most = budgets_of(user, usual)[Budget.JOBS]
    return None if most is None else most - spending_of(session, user.id, count_live_to=most).jobs


def used_up(session: Session, user: User, usual: Budgets, more_jobs: int = 1) -> UsedUp | None:
    """The budget of the user that does not suffice for this many more jobs, if there is one."""
    most = budgets_of(user, usual)
    seconds, jobs = most[Budget.GPU_SECONDS], most[Budget.JOBS]
    if seconds is None and jobs is None:
        return None
    spent = spending_of(session, user.id, count_live_to=jobs or 0)
    until = f"the next month begins at {spent.resets_at:%Y-%m-%dT%H:%M:%SZ}"
    if seconds is not None and spent.gpu_seconds >= seconds:
        used = f"{spent.gpu_seconds:.1f} of the {seconds} GPU seconds of this month's budget are used"
        return UsedUp(Budget.GPU_SECONDS, f"{used}; {until}", spent.resets_in_s)
    if jobs is not None and spent.jobs + more_jobs > jobs:
        used = f"{spent.jobs} of the {jobs} jobs of this month's budget are used, and {more_jobs} more are asked for"
        return UsedUp(Budget.JOBS, f"{used}; {until}", spent.resets_in_s)
    return None
