"""Where the bytes of assets are, and how an asset goes: its bytes with the last name for them.

Who adds or deletes an asset of a user holds the user's row meanwhile, so that of two the second sees what the first
has done.
"""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import func, or_
from sqlmodel import Session, col, exists, select

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
    found = session.get(Asset, asset_id)
    if found is None or owner not in {None, found.user_id}:
        return None, None
    user = hold_user(session, found.user_id)
    asset = session.get(Asset, asset_id, with_for_update=True, populate_existing=True)
    if asset is None:
        return None, None
    if is_needed(session, asset_id):
        raise AssetNeeded(asset_id)
    session.delete(asset)
    session.flush()
    session.expunge(asset)
    if session.exec(select(Asset.id).where(Asset.user_id == user.id, Asset.hash == asset.hash).limit(1)).first():
        return asset, None
    user.stored_bytes = max(0, user.stored_bytes - asset.size_bytes)
    folder = folder_of(asset.path)
    note(session, folder)
    return asset, folder


def is_needed(session: Session, asset_id: UUID) -> bool:
    """Whether a job that has not ended needs it."""
    return bool(session.scalar(select(needed_by_jobs(asset_id))))


def needed_by_jobs(asset_id: object) -> object:
    uses = select(AssetUse.job_id).join(GenerationJob, col(GenerationJob.id) == col(AssetUse.job_id))
    waits = col(GenerationJob.status).not_in(sorted(FINAL))
    return exists(uses.where(col(AssetUse.asset_id) == asset_id, waits))


def is_kept() -> object:
    """The condition that an asset's time has not run out."""
    return or_(col(Asset.expires_at).is_(None), col(Asset.expires_at) > func.now())


def expired_assets(session: Session, limit: int) -> Sequence[UUID]:
    """Assets whose time has run out and that no job needs, the oldest first."""
    found = select(Asset.id).where(col(Asset.expires_at) <= func.now(), ~needed_by_jobs(col(Asset.id)))
    return session.exec(found.order_by(col(Asset.expires_at)).limit(limit)).all()
