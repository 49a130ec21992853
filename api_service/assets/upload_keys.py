"""The keys of uploads: the same upload, sent again under its key, is answered with the asset that it made before.

A key belongs to one user, and is kept as long as its asset. Who looks or adds one to make an asset holds the user's
row, so of two that come at once the second finds the first.
"""

from sqlalchemy import Engine
from sqlmodel import Session

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.refusals.assets import upload_key_reused
from shared.database.engine import reading
from shared.models import Asset, AssetKey, User


def sent_before(session: Session, user: User, sent: IdempotencyKey | None, content_hash: str) -> bool:
    """Whether the same request came with these bytes before. Raises Refusal: idempotency_key_reused."""
    row = None if sent is None else session.get(AssetKey, (user.id, sent.key))
    if sent is None or row is None:
        return False
    asset = session.get_one(Asset, row.asset_id)
    if row.digest != sent.digest or asset.hash != content_hash:
        raise upload_key_reused(sent.key, asset.id)
    return True


def remember(session: Session, sent: IdempotencyKey | None, asset: Asset) -> None:
    if sent is not None:
        session.add(AssetKey(user_id=asset.user_id, key=sent.key, digest=sent.digest, asset_id=asset.id))


def made_before(engine: Engine, user_id: object, sent: IdempotencyKey | None) -> Asset | None:
    """The asset of a request that says all there is to say, without bytes of its own.

    Raises Refusal: idempotency_key_reused.
    """
    if sent is None:
        return None
    with reading(engine) as session:
        row = session.get(AssetKey, (user_id, sent.key))
        if row is None:
            return None
        if row.digest != sent.digest:
            raise upload_key_reused(sent.key, row.asset_id)
        return session.get_one(Asset, row.asset_id)
