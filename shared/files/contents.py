"""A user's bytes are kept once, under however many names: finding them by their hash, and giving them another name."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from shared.models import Asset

COPIED = ("user_id", "kind", "media_type", "size_bytes", "hash", "path")


def known_content(session: Session, user_id: UUID, content_hash: str, name: str) -> Asset | None:
    """An asset of the user with these bytes, of this name if there is one."""
    found = select(Asset).where(Asset.user_id == user_id, Asset.hash == content_hash)
    return session.exec(found.order_by((col(Asset.name) == name).desc()).limit(1)).first()


def another_name(known: Asset, name: str, expires_at: datetime | None) -> Asset:
    """An asset over the same file, that is yet to be added."""
    return Asset(**{field: getattr(known, field) for field in COPIED}, name=name, expires_at=expires_at)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """None is never, and later than anything."""
    return None if one is None or other is None else max(one, other)
