"""What is shown of users and keys. Never a secret, except once, when a key is made."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.pages import Page
from api_service.limits.usage import Usage
from shared.accounts.keys import KeyState, NewKey, state_of
from shared.models import ApiKey, User
from shared.usage.budgets import Budgets, Spending


class UserView(BaseModel, frozen=True):
    """A user. `running_jobs_limit` is its own; `null` is the deployment's. `weight` is its share of the servers.
    `retention_days` is for how long what is kept, `null` for ever, and `budget` how much it may use in a month, `null`
    for as much as wanted; what is absent in them is as the deployment says."""

    id: UUID
    name: str
    stored_bytes: int
    running_jobs_limit: int | None
    weight: float
    retention_days: dict[str, int | None]
    budget: dict[str, int | None]
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        copied = {name: getattr(user, name) for name in cls.model_fields.keys() - {"retention_days"}}
        return cls(**copied, retention_days=user.retention)


class UserPage(Page[UserView], frozen=True):
    """Users by name. `next` is where the page after it is, with `cursor` in it; both are null on the last page."""


class KeyView(BaseModel, frozen=True):
    """A key, without its secret. `limits` are its own; those that are absent are the deployment's.

    `last_used_at` is right to a minute.
    """

    id: str
    user_id: UUID
    name: str
    scopes: list[str]
    limits: dict[str, int | None]
    state: KeyState
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> Self:
        """The key as it is at this moment of the database's clock."""
        fields = {name: getattr(key, name) for name in KeyView.model_fields.keys() - {"state"}}
        return cls(**fields, state=state_of(key, now))


class KeyPage(Page[KeyView], frozen=True):
    """Keys, the oldest first. `next` is where the page after it is, with `cursor` in it; both are null on the last."""


class NewKeyView(KeyView, frozen=True):
    """A key just made. `key` is the whole of it, which is shown this once."""

    key: str

    @classmethod
    def made(cls, made: NewKey) -> Self:
        return cls(**KeyView.of(made.key, made.key.created_at).model_dump(), key=made.token)


class OwnKeyView(BaseModel, frozen=True):
    """The key that asks."""

    id: str
    name: str
    scopes: list[str]
    expires_at: datetime | None


class OwnUserView(BaseModel, frozen=True):
    """The user that the key belongs to."""

    id: UUID
    name: str


class BudgetView(BaseModel, frozen=True):
    """How much the user may use in this month (`null`: as much as wanted), and has used."""

    budget: int | None
    used: float


class BudgetsView(BaseModel, frozen=True):
    """The user's budgets of this month (UTC). GPU seconds are those that were used; jobs are those that were completed
    or have failed, and those that have not ended yet. At `resets_at` the next month begins."""

    gpu_seconds: BudgetView
    jobs: BudgetView
    resets_at: datetime

    @classmethod
    def of(cls, budgets: Budgets, spending: Spending) -> Self:
        shown = {
            budget.value: BudgetView(budget=most, used=getattr(spending, budget)) for budget, most in budgets.items()
        }
        return cls(**shown, resets_at=spending.resets_at)


class MeView(BaseModel, frozen=True):
    """Who is asking, with what key; `limits` that hold for it (`null`: none), and what the user has of them now."""

    user: OwnUserView
    key: OwnKeyView
    limits: dict[str, int | None]
    queued_jobs: int
    stored_bytes: int
    budget: BudgetsView

    @classmethod
    def of(cls, usage: Usage) -> Self:
        user, key = usage.user, usage.key
        return cls(
            user=OwnUserView(id=user.id, name=user.name),
            key=OwnKeyView(id=key.id, name=key.name, scopes=key.scopes, expires_at=key.expires_at),
            limits=dict(usage.limits),
            queued_jobs=usage.queued_jobs,
            stored_bytes=user.stored_bytes,
            budget=BudgetsView.of(usage.budgets, usage.spending),
        )
