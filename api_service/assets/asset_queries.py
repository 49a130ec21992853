"""Assets as the rows have them: found, listed and deleted. Another user's is as one that is not there."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy import Engine
from sqlmodel import col, select

from api_service.assets.filters import AssetFilters
from api_service.jobs.cursors import Cursors
from api_service.refusals.assets import asset_in_use, asset_not_found
from shared.database.engine import reading, transaction
from shared.files.assets import AssetNeeded, delete_asset, is_kept
from shared.jobs.listing.page_range import Position
from shared.models import Asset
from shared.storage.store import OutputStore

log = structlog.get_logger(__name__)

ASSET_CURSORS = Cursors[UUID]("16s", lambda asset_id: asset_id.bytes, lambda packed: UUID(bytes=packed))


def find_asset(engine: Engine, asset_id: UUID, owner: UUID | None) -> Asset:
    """An asset of that owner, or of anybody for an admin. Raises Refusal: asset_not_found."""
    with reading(engine) as session:
        asset = session.exec(select(Asset).where(Asset.id == asset_id, is_kept())).first()
    if asset is None or owner not in {None, asset.user_id}:
        raise asset_not_found(asset_id)
    return asset


def page_of_assets(
    engine: Engine, filters: AssetFilters, owner: UUID | None, after: Position[UUID] | None, limit: int
) -> Sequence[Asset]:
    """Assets, the newest first, after a position."""
    found = select(Asset).where(*filters.conditions(owner, after))
    with reading(engine) as session:
        return session.exec(found.order_by(col(Asset.created_at).desc(), col(Asset.id).desc()).limit(limit)).all()


def delete_with_bytes(engine: Engine, store: OutputStore, asset_id: UUID, owner: UUID | None) -> None:
    """Delete an asset, and its bytes if nobody else names them. Raises Refusal: asset_not_found, asset_in_use."""
    try:
        with transaction(engine) as session:
            asset, folder = delete_asset(session, asset_id, owner)
    except AssetNeeded:
        raise asset_in_use(asset_id) from None
    if asset is None:
        raise asset_not_found(asset_id)
    if folder is not None:
        try:
            store.remove(folder)
        except OSError as error:
            log.warning("folder.not_removed", folder=folder, error=str(error))
