"""What is shown of users and keys. Never a secret, except once, when a key is made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from api_service.limits.usage import Usage
from shared.accounts.keys import KeyState, NewKey, state_of
from shared.models import ApiKey, User


class UserView(BaseModel, frozen=True):
    """A user. `running_jobs_limit` is its own; `null` is the deployment's."""

    id: UUID
    name: str
    stored_bytes: int
    running_jobs_limit: int | None
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(**{name: getattr(user, name) for name in cls.model_fields})


class UserList(BaseModel, frozen=True):
    """Users by name. `next` is where the rest begins: what to send as `after`; `null` if there is no more."""

    users: list[UserView]
    next: str | None

    @classmethod
    def of(cls, users: Sequence[User], *, more: bool) -> Self:
        return cls(users=[UserView.of(user) for user in users], next=users[-1].name if more else None)


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
    def of(cls, key: ApiKey) -> Self:
        return cls(
            **{name: getattr(key, name) for name in KeyView.model_fields.keys() - {"state"}}, state=state_of(key)
        )


class KeyList(BaseModel, frozen=True):
    """Keys, the oldest first. `next` is where the rest begins: what to send as `after`; `null` if there is no more."""

    keys: list[KeyView]
    next: str | None

    @classmethod
    def of(cls, keys: Sequence[ApiKey], *, more: bool) -> Self:
        return cls(keys=[KeyView.of(key) for key in keys], next=keys[-1].id if more else None)


class NewKeyView(KeyView, frozen=True):
    """A key just made. `key` is the whole of it, which is shown this once."""

    key: str

    @classmethod
    def made(cls, made: NewKey) -> Self:
        return cls(**KeyView.of(made.key).model_dump(), key=made.token)


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


class MeView(BaseModel, frozen=True):
    """Who is asking, with what key; `limits` that hold for it (`null`: none), and what the user has of them now."""

    user: OwnUserView
    key: OwnKeyView
    limits: dict[str, int | None]
    queued_jobs: int
    stored_bytes: int

    @classmethod
    def of(cls, usage: Usage) -> Self:
        user, key = usage.user, usage.key
        return cls(
            user=OwnUserView(id=user.id, name=user.name),
            key=OwnKeyView(id=key.id, name=key.name, scopes=key.scopes, expires_at=key.expires_at),
            limits=dict(usage.limits),
            queued_jobs=usage.queued_jobs,
            stored_bytes=user.stored_bytes,
        )
