"""What a key may have, and what its user has of that now."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Engine

from api_service.accounts.identity import Identity
from api_service.limits.key_limits import KeyLimits
from api_service.limits.rates import Limit
from shared.accounts.quotas import queued_jobs
from shared.database.engine import transaction
from shared.models import ApiKey, User
from shared.usage.budgets import Budgets, Spending, budgets_of, spending_of, usual_budgets


class Usage(NamedTuple):
    """A user and its key, the limits of both by name (None: no limit), how many jobs wait, and this month's budgets."""

    user: User
    key: ApiKey
    limits: Mapping[str, int | None]
    queued_jobs: int
    budgets: Budgets
    spending: Spending


def usage_of(engine: Engine, key_limits: KeyLimits, identity: Identity) -> Usage:
    limits: dict[str, int | None] = {limit: key_limits.most(identity, limit) for limit in Limit}
    with transaction(engine) as session:
        user, key = session.get_one(User, identity.user_id), session.get_one(ApiKey, identity.key_id)
        own = user.running_jobs_limit
        limits["running_jobs"] = key_limits.settings.limit_running_jobs if own is None else own
        budgets = budgets_of(user, usual_budgets(key_limits.settings))
        return Usage(user, key, limits, queued_jobs(session, user.id), budgets, spending_of(session, user.id))
