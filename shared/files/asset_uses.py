"""While a job has not ended, the assets that it takes are not deleted: its uses are recorded with it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session, col, select

from shared.models import Asset, AssetUse


def held_assets(session: Session, named: Iterable[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Keep assets from being deleted until the end of the transaction. They are `named` by whoever's jobs take them,
    and by their ids. Returns those that are there and are that user's: what a job's row names may be another's, where
    the row came with an archive."""
    asked = set(named)
    ids = sorted({asset_id for _, asset_id in asked})
    there = select(Asset.user_id, Asset.id).where(col(Asset.id).in_(ids)).order_by(col(Asset.id))
    return asked.intersection(map(tuple, session.exec(there.with_for_update(read=True, key_share=True))))


def record_uses(session: Session, uses: Sequence[tuple[int, Iterable[UUID]]]) -> None:
    """Note for each job which assets it needs until it has ended."""
    rows = [{"job_id": job_id, "asset_id": asset_id} for job_id, assets in uses for asset_id in assets]
    if rows:
        session.execute(insert(AssetUse), rows)
