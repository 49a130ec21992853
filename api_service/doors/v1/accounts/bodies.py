"""What an admin may say of users and keys."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from api_service.http.pages import PageQuery
from api_service.http.path_ids import uuid_in
from api_service.refusals.accounts import key_not_found, user_not_found
from shared.accounts.retention import LONGEST_DAYS
from shared.database.moments import Moment
from shared.models import Scope, stands_alone
from shared.texts.storable import LARGEST_INTEGER
from shared.workflows.parameters import Name

LARGEST_LIMIT = 2**53 - 1  # every JSON reader keeps such a number exact
KEY_ID = re.compile(r"[a-z0-9]{1,32}")


def without_blank_ends(value: str) -> str:
    if value != value.strip():
        raise ValueError("must not begin or end with white space")
    return value


AccountName = Annotated[Name, AfterValidator(without_blank_ends)]
RunningJobsLimit = Annotated[int, Field(strict=True, ge=0, le=LARGEST_INTEGER)] | None
Weight = Annotated[float, Field(strict=True, ge=0.01, le=100)]
Most = Annotated[int, Field(strict=True, ge=0, le=LARGEST_LIMIT)] | None
Expiry = Annotated[Moment, Field(strict=True)]


def that_go_together(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if not stands_alone(scopes):
        raise ValueError(f"`{Scope.NATIVE}` stands alone: such a key is part of an address, and good for no more")
    return scopes


Scopes = Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope)), AfterValidator(that_go_together)]
DEFAULT_SCOPES = (Scope.READ, Scope.WRITE)


class LimitsBody(BaseModel, frozen=True, extra="forbid"):
    """Limits of one key: one that is absent is the deployment's, `null` is none."""

    requests_per_minute: Most = None
    submissions_per_hour: Most = None
    uploads_per_hour: Most = None
    queued_jobs: Most = None
    stored_bytes: Most = None
    open_streams: Most = None
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] | None = None

    def own(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


Days = Annotated[int, Field(strict=True, ge=1, le=LONGEST_DAYS)] | None


class RetentionBody(BaseModel, frozen=True, extra="forbid"):
    """For how many days what of a user's is kept after the end of its job: `null` is for ever, and what is absent is
    kept as the deployment says."""

    jobs: Days = None
    outputs: Days = None
    previews: Days = None
    assets: Days = None
    events: Days = None
    attempts: Days = None
    deliveries: Days = None
    request_keys: Days = None


class BudgetBody(BaseModel, frozen=True, extra="forbid"):
    """How much a user may use in a month of the calendar (UTC): `null` is as much as wanted, and what is absent is as
    the deployment says."""

    gpu_seconds: Most = None
    jobs: Most = None


class UserBody(BaseModel, frozen=True, extra="forbid"):
    """A new user. `running_jobs_limit`: how many of its jobs may run at once; `null` is the deployment's limit.
    `retention_days`: for how long what is kept, where that differs; `budget`: how much it may use. `weight`: its share
    of the servers among those who wait; 2 is twice that of 1."""

    name: AccountName
    running_jobs_limit: RunningJobsLimit = None
    weight: Weight = 1.0
    retention_days: RetentionBody = RetentionBody()
    budget: BudgetBody = BudgetBody()

    def columns(self) -> dict[str, Any]:
        return with_documents(self.model_dump(exclude=set(DOCUMENTS)), self)


class UserChange(BaseModel, frozen=True, extra="forbid"):
    """What is to change; what is absent stays. A `running_jobs_limit` of `null` is the deployment's limit again.
    `retention_days` and `budget` take the place of all that was there; `{}` is what the deployment says again. A
    `weight` counts for the jobs that are submitted from then on."""

    name: AccountName = Field(default_factory=str)
    running_jobs_limit: RunningJobsLimit = None
    weight: Weight = 1.0
    retention_days: RetentionBody = RetentionBody()
    budget: BudgetBody = BudgetBody()

    def changes(self) -> dict[str, Any]:
        return with_documents(self.model_dump(exclude_unset=True, exclude=set(DOCUMENTS)), self)


# The columns of what is given as an object, in which what is absent says something else than null.
DOCUMENTS = {"retention_days": "retention", "budget": "budget"}


def with_documents(columns: dict[str, Any], body: UserBody | UserChange) -> dict[str, Any]:
    """With the columns of those objects that are given."""
    for name in body.model_fields_set & DOCUMENTS.keys():
        columns[DOCUMENTS[name]] = getattr(body, name).model_dump(exclude_unset=True)
    return columns


class KeyBody(BaseModel, frozen=True, extra="forbid"):
    """A new key of a user. Without `expires_at` it is good until it is revoked."""

    name: AccountName
    scopes: Scopes = DEFAULT_SCOPES
    expires_at: Expiry | None = None
    limits: LimitsBody = LimitsBody()


class UsersQuery(PageQuery, frozen=True):
    """Which users: up to `limit`, by name, after those of the page before, which has the `cursor`."""

    cursor: Name | None = None


class KeysQuery(PageQuery, frozen=True):
    """Which keys of the user: up to `limit`, the oldest first, after those of the page before."""

    cursor: Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$")] | None = None


def user_id_in(path: Mapping[str, str]) -> UUID:
    """The user's id in a path. Raises Refusal: user_not_found, also for what is no id."""
    text = path["user_id"]
    user_id = uuid_in(text)
    if user_id is None:
        raise user_not_found(text)
    return user_id


def key_id_in(path: Mapping[str, str]) -> str:
    """The key's id in a path. Raises Refusal: key_not_found, also for what is no id."""
    text = path["key_id"]
    if not KEY_ID.fullmatch(text):
        raise key_not_found(text)
    return text
