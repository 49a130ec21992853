"""Where the bytes of assets are, and how an asset goes: its bytes with the last name for them.

Who adds or deletes an asset of a user holds the user's row meanwhile, so that of two the second sees what the first
has done.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, exists, func, or_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.files.folders import note
from shared.models import FINAL, Asset, AssetUse, GenerationJob, User

CONTENT = "content"  # the name of the one file in a folder


class AssetNeeded(Exception):
    """An asset cannot go: jobs that have not ended need it."""

    def __init__(self, asset_id: UUID) -> None:
        super().__init__(f"jobs that have not ended need the asset {asset_id}")
        self.asset_id = asset_id


def new_folder(user_id: UUID) -> str:
    """A folder for one file that arrives: `{user}/assets/{random}`."""
    return f"{user_id}/assets/{uuid4()}"


def folder_of(path: str) -> str:
    """The folder of the file at a path."""
    return path.rpartition("/")[0]


def hold_user(session: Session, user_id: UUID) -> User:
    """The user's row, held until the end of the transaction; jobs of the user may be submitted meanwhile."""
    return session.get_one(User, user_id, with_for_update={"key_share": True}, populate_existing=True)


def delete_asset(session: Session, asset_id: UUID, owner: UUID | None) -> tuple[Asset | None, str | None]:
    """Delete an asset of that owner (None: anybody's). Raises AssetNeeded.

    Returns the asset as it was, None if there is none; and its folder, noted to be removed, if that was the last name
    for its bytes.
    """
    asset = held_asset(session, asset_id, owner)
    if asset is None:
        return None, None
    return asset, remove(session, asset)


def delete_expired_asset(session: Session, asset_id: UUID) -> tuple[Asset | None, str | None]:
    """Delete an asset if its time has run out. Returns as `delete_asset`. Raises AssetNeeded."""
    asset = held_asset(session, asset_id, None)
    if asset is None or asset.expires_at is None or asset.expires_at > database_time(session):
        return None, None
    return asset, remove(session, asset)


def delete_unused_asset(session: Session, asset_id: UUID, age: timedelta) -> tuple[Asset | None, str | None]:
    """Delete an asset without an end, if it was neither made nor taken by a job for so long. Returns as `delete_asset`.

    Raises AssetNeeded.
    """
    asset = held_asset(session, asset_id, None)
    if asset is None or not session.scalar(select(Asset.id).where(col(Asset.id) == asset_id, *is_unused(age))):
        return None, None
    return asset, remove(session, asset)


def is_unused(age: timedelta) -> Sequence[ColumnElement[bool]]:
    """The conditions that an asset without an end was neither made nor taken by a job for so long."""
    since = func.now() - age
    uses = select(AssetUse.job_id).join(GenerationJob, col(GenerationJob.id) == col(AssetUse.job_id))
    lately = uses.where(col(AssetUse.asset_id) == col(Asset.id), col(GenerationJob.created_at) > since)
    return col(Asset.expires_at).is_(None), col(Asset.created_at) <= since, ~exists(lately)


def held_asset(session: Session, asset_id: UUID, owner: UUID | None) -> Asset | None:
    """The asset, and its user, held until the end of the transaction."""
    found = session.get(Asset, asset_id)
    if found is None or owner not in {None, found.user_id}:
        return None
    hold_user(session, found.user_id)
    return session.get(Asset, asset_id, with_for_update=True, populate_existing=True)


def remove(session: Session, asset: Asset) -> str | None:
    """Remove the row; returns the folder that nobody needs then, if it is so. Raises AssetNeeded."""
    if is_needed(session, asset.id):
        raise AssetNeeded(asset.id)
    session.exec(delete(Asset).where(col(Asset.id) == asset.id))
    session.expunge(asset)
    others = select(Asset.id).where(Asset.user_id == asset.user_id, Asset.hash == asset.hash)
    if session.exec(others.limit(1)).first():
        return None
    user = session.get_one(User, asset.user_id)
    user.stored_bytes = max(0, user.stored_bytes - asset.size_bytes)
    folder = folder_of(asset.path)
    note(session, folder)
    return folder


def is_needed(session: Session, asset_id: UUID) -> bool:
    """Whether a job that has not ended needs it."""
    return bool(session.scalar(select(needed_by_jobs(asset_id))))


def needed_by_jobs(asset_id: Any) -> ColumnElement[bool]:
    uses = select(AssetUse.job_id).join(GenerationJob, col(GenerationJob.id) == col(AssetUse.job_id))
    waits = col(GenerationJob.status).not_in(sorted(FINAL))
    return exists(uses.where(col(AssetUse.asset_id) == asset_id, waits))


def is_kept() -> ColumnElement[bool]:
    """The condition that an asset's time has not run out."""
    return or_(col(Asset.expires_at).is_(None), col(Asset.expires_at) > func.now())


def newest_named(session: Session, user_id: UUID, names: Collection[str]) -> dict[str, Asset]:
    """Of the user's assets with each of these names the newest: it takes the place of those before it."""
    if not names:
        return {}
    called = select(Asset).where(Asset.user_id == user_id, is_kept(), col(Asset.name).in_(sorted(names)))
    newest = (col(Asset.name), col(Asset.created_at).desc(), col(Asset.id).desc())
    return {one.name: one for one in session.exec(called.ext(distinct_on(col(Asset.name))).order_by(*newest))}


def has_expired() -> Sequence[ColumnElement[bool]]:
    """The conditions that an asset's time has run out, and that no job needs it."""
    return col(Asset.expires_at) <= func.now(), ~needed_by_jobs(col(Asset.id))
