"""The keys of uploads: the same upload, sent again under its key, is answered with the asset that it made before.

A key belongs to one user, and is kept as long as its asset. Who looks or adds one to make an asset holds the user's
row, so of two that come at once the second finds the first.
"""

from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.refusals.assets import upload_key_reused
from shared.database.clock import database_time
from shared.database.engine import reading
from shared.models import Asset, AssetKey, User


def sent_before(session: Session, user: User, sent: IdempotencyKey | None, content_hash: str) -> bool:
    """Whether the same request came with these bytes before. Raises Refusal: idempotency_key_reused."""
    asset = None if sent is None else asset_under(session, user.id, sent)
    if sent is None or asset is None:
        return False
    if asset.hash != content_hash:
        raise upload_key_reused(sent.key, asset.id)
    return True


def remember(session: Session, sent: IdempotencyKey | None, asset: Asset) -> None:
    if sent is not None:
        session.add(AssetKey(user_id=asset.user_id, key=sent.key, digest=sent.digest, asset_id=asset.id))


def made_before(engine: Engine, user_id: UUID, sent: IdempotencyKey) -> Asset | None:
    """The asset of a request that says all there is to say, without bytes of its own; None once its time has run out:
    then the same request keeps it anew.

    Raises Refusal: idempotency_key_reused.
    """
    with reading(engine) as session:
        asset = asset_under(session, user_id, sent)
        if asset is None or asset.expires_at is None or asset.expires_at > database_time(session):
            return asset
    return None


def asset_under(session: Session, user_id: UUID, sent: IdempotencyKey) -> Asset | None:
    """What the same request made. Raises Refusal: idempotency_key_reused, for another one that came under the key."""
    under = select(AssetKey.digest, Asset).join(Asset, col(Asset.id) == col(AssetKey.asset_id))
    found = session.exec(under.where(AssetKey.user_id == user_id, AssetKey.key == sent.key)).one_or_none()
    if found is None:
        return None
    digest, asset = found
    if digest != sent.digest:
        raise upload_key_reused(sent.key, asset.id)
    return asset
