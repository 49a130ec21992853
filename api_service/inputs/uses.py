"""While a job has not ended, the assets that it takes are not deleted: its uses are recorded with it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Integer, Uuid, column, insert, select, values
from sqlmodel import Session, col

from api_service.inputs.resolving import MISSING
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from shared.models import Asset, AssetUse


class Use(NamedTuple):
    """A job that takes an asset, and the field of the request that named it."""

    job_id: int
    asset_id: UUID
    field: str


def record_uses(session: Session, uses: Sequence[Use]) -> None:
    """Note for each job which assets it needs until it has ended; from now on they are not deleted. One statement,
    none where there are no uses.

    Raises Refusal: invalid_fields, for those that were deleted a moment ago.
    """
    if not uses:
        return
    held = noted(session, uses)
    fields = {one.asset_id: one.field for one in reversed(uses)}
    gone = [FieldError(field=fields[one], message="was deleted just now", code=MISSING) for one in fields.keys() - held]
    if gone:
        raise invalid_fields(gone)


def noted(session: Session, uses: Sequence[Use]) -> Collection[UUID]:
    """Add the rows of those assets that are there, which are held first. Returns which they are."""
    there = select(col(Asset.id)).where(col(Asset.id).in_(sorted({one.asset_id for one in uses})))
    held = there.order_by(col(Asset.id)).with_for_update(read=True, key_share=True).cte("held")
    wanted = values(column("job_id", Integer), column("asset_id", Uuid), name="wanted").data(
        [(one.job_id, one.asset_id) for one in uses]
    )
    rows = select(wanted.c.job_id, wanted.c.asset_id).join(held, held.c.id == wanted.c.asset_id)
    added = insert(AssetUse).from_select(["job_id", "asset_id"], rows).returning(col(AssetUse.asset_id))
    return set(session.scalars(added))
