"""Which assets are meant: the filters of a list, which hold one and all."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, tuple_
from sqlmodel import col

from shared.database.moments import Moment
from shared.files.assets import is_kept
from shared.jobs.listing.filters import WhoseJobs, Word
from shared.jobs.listing.page_range import Position
from shared.models import Asset, AssetKind


class AssetFilters(BaseModel, frozen=True, extra="forbid"):
    """Assets for which all of these hold.

    Several kinds: any of them. `name` is the whole name, and `hash` as an asset says it. `created_after` is the first
    moment that counts, `created_before` the first that no longer does. `user_id` is for admins: another user's assets,
    or `all`.
    """

    kind: Annotated[tuple[AssetKind, ...], Field(max_length=50)] = ()
    name: Annotated[str, Field(min_length=1, max_length=255), Word] | None = None
    hash: Annotated[str, Field(min_length=1, max_length=100), Word] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    user_id: WhoseJobs | None = None

    def conditions(self, owner: UUID | None, after: Position[UUID] | None) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [is_kept()]
        if owner is not None:
            found.append(col(Asset.user_id) == owner)
        if self.kind:
            found.append(col(Asset.kind).in_(self.kind))
        if self.name is not None:
            found.append(col(Asset.name) == self.name)
        if self.hash is not None:
            found.append(col(Asset.hash) == self.hash)
        if self.created_after is not None:
            found.append(col(Asset.created_at) >= self.created_after)
        if self.created_before is not None:
            found.append(col(Asset.created_at) < self.created_before)
        if after is not None:
            found.append(tuple_(col(Asset.created_at), col(Asset.id)) < tuple_(*after))
        return found
