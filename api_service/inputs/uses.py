"""While a job has not ended, the assets that it takes are not deleted: its uses are recorded with it."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session, col, select

from api_service.inputs.resolving import MISSING
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from shared.models import Asset, AssetUse


def hold_assets(session: Session, named: Iterable[tuple[str, Mapping[UUID, str]]]) -> None:
    """Keep the assets from being deleted until the end of the transaction. `named` are the place of each job in its
    request, and the fields that named its assets.

    Raises Refusal: invalid_fields, for those that were deleted a moment ago.
    """
    fields = {asset_id: f"{place}{field}" for place, by_id in named for asset_id, field in by_id.items()}
    if not fields:
        return
    asked = select(Asset.id).where(col(Asset.id).in_(sorted(fields))).order_by(col(Asset.id))
    held = set(session.exec(asked.with_for_update(read=True, key_share=True)))
    gone = [FieldError(field=fields[one], message="was deleted just now", code=MISSING) for one in fields.keys() - held]
    if gone:
        raise invalid_fields(gone)


def record_uses(session: Session, uses: Sequence[tuple[int, Iterable[UUID]]]) -> None:
    """Note for each job which assets it needs until it has ended."""
    rows = [{"job_id": job_id, "asset_id": asset_id} for job_id, assets in uses for asset_id in assets]
    if rows:
        session.execute(insert(AssetUse), rows)
