"""While a job has not ended, the assets that it takes are not deleted: its uses are recorded with it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session, col, select

from shared.models import Asset, AssetUse


def held_assets(session: Session, asset_ids: Iterable[UUID]) -> set[UUID]:
    """Keep these assets from being deleted until the end of the transaction. Returns those that are there."""
    asked = select(Asset.id).where(col(Asset.id).in_(sorted(asset_ids))).order_by(col(Asset.id))
    return set(session.exec(asked.with_for_update(read=True, key_share=True)))


def record_uses(session: Session, uses: Sequence[tuple[int, Iterable[UUID]]]) -> None:
    """Note for each job which assets it needs until it has ended."""
    rows = [{"job_id": job_id, "asset_id": asset_id} for job_id, assets in uses for asset_id in assets]
    if rows:
        session.execute(insert(AssetUse), rows)
