"""A file becomes an asset: its bytes are kept once for each user, however many names they have.

The file is in the store before its row is. A note names its folder until then (`shared.files.folders`), so that
whatever breaks off in between is removed by the sweep.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.assets.upload_keys import remember, sent_before
from api_service.limits.key_limits import check_stored_bytes
from api_service.refusals.assets import hash_mismatch, upload_too_slow, wrong_field
from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.files.assets import CONTENT, folder_of, hold_user, new_folder
from shared.files.contents import another_name, known_content, later
from shared.files.file_kinds import FileKind
from shared.files.folders import forget_notes, note, take_back_notes
from shared.models import Asset, User
from shared.storage.store import OutputStore

log = structlog.get_logger(__name__)


class Shelf(NamedTuple):
    """Where assets are kept, how many bytes each may have, and how long they stay unless something else is said. One
    that is a ZIP may have `largest_archive`, if that is more."""

    engine: Engine
    store: OutputStore
    largest: int
    lifetime: timedelta | None
    largest_archive: int = 0


class Owner(NamedTuple):
    """Whose asset it is to be, and how many bytes that user may have stored; None for no limit."""

    user_id: UUID
    most_stored: int | None


class Details(NamedTuple):
    """What is said of an asset, beside its bytes. `hash` is the one it must have; `job_id` made it.

    `lifetime` takes the place of the usual one, where no `expires_at` is given. A new row has the `id`, if it is given.
    `sent` is the key that the request has, if it has one.
    """

    name: str
    tags: tuple[str, ...] = ()
    expires_at: datetime | None = None
    hash: str | None = None
    job_id: int | None = None
    lifetime: timedelta | None = None
    id: UUID | None = None
    sent: IdempotencyKey | None = None


class Content(NamedTuple):
    """A file that is in the store, and not yet anybody's."""

    path: str
    size: int
    hash: str
    kind: FileKind


class Kept(NamedTuple):
    """An asset, and whether its bytes are new; if not, the file that was put for it is gone again. `replayed` if the
    same request made it before."""

    asset: Asset
    is_new: bool
    replayed: bool = False


def new_place(engine: Engine, owner: Owner) -> str:
    """The key for a file that is to be put. Raises Refusal: quota_exceeded, where there is no place for any."""
    with transaction(engine) as session:
        check_stored_bytes(session.get_one(User, owner.user_id), owner.most_stored)
        folder = new_folder(owner.user_id)
        note(session, folder)
    return f"{folder}/{CONTENT}"


def leave_place(shelf: Shelf, path: str) -> None:
    """Remove what was put at a new place, then its note. What fails stays noted, for the sweep."""
    folder = folder_of(path)
    try:
        shelf.store.remove(folder)
        with transaction(shelf.engine) as session:
            forget_notes(session, [folder])
    except (OSError, SQLAlchemyError) as error:
        log.warning("folder.not_removed", folder=folder, error=str(error))


def keep(shelf: Shelf, owner: Owner, content: Content, details: Details) -> Kept:
    """Make the asset of a file, or find it: the same bytes under the same name are the same asset, kept for longer.

    Raises Refusal: hash_mismatch; invalid_fields; idempotency_key_reused; quota_exceeded; storage_unavailable, for what
    took too long.
    """
    if details.hash not in {None, content.hash}:
        raise hash_mismatch(str(details.hash), content.hash)
    with transaction(shelf.engine) as session:
        user = hold_user(session, owner.user_id)
        now, replayed = database_time(session), sent_before(session, user, details.sent, content.hash)
        expires_at = end_of(details, now, shelf.lifetime)
        known = known_content(session, user.id, content.hash, details.name)
        if known is not None:
            asset = named(session, known, details, now, expires_at)
            if not replayed:
                remember(session, details.sent, asset)
            return Kept(asset, is_new=False, replayed=replayed)
        take_place(session, user, content, owner.most_stored)
        asset = Asset(
            id=details.id or uuid4(),
            user_id=user.id,
            name=details.name,
            kind=content.kind.kind,
            media_type=content.kind.media_type,
            size_bytes=content.size,
            hash=content.hash,
            path=content.path,
            tags=list(details.tags),
            job_id=details.job_id,
            created_at=now,
            expires_at=expires_at,
        )
        session.add(asset)
        remember(session, details.sent, asset)
    return Kept(asset, is_new=True)


def keep_known(shelf: Shelf, owner: Owner, content_hash: str, details: Details) -> Kept | None:
    """Make an asset of bytes that the user has already, or find it; None where there are none with this hash.

    Without a name it is one that they have. `is_new` says whether the name is. One whose time has run out stays, if
    nobody has removed it yet.
    """
    with transaction(shelf.engine) as session:
        user = hold_user(session, owner.user_id)
        known = known_content(session, user.id, content_hash, details.name)
        if known is None:
            return None
        now = database_time(session)
        details = details._replace(name=details.name or known.name)
        asset = named(session, known, details, now, end_of(details, now, shelf.lifetime))
        return Kept(asset, is_new=asset is not known)


def has_content(engine: Engine, user_id: UUID, content_hash: str) -> bool:
    """Whether the user has bytes with this hash."""
    with reading(engine) as session:
        return known_content(session, user_id, content_hash, "") is not None


def named(session: Session, known: Asset, details: Details, now: datetime, expires_at: datetime | None) -> Asset:
    """The asset of known bytes under the name that is asked for: it stays for longer, or it is another over the same
    file."""
    if known.name == details.name:
        known.expires_at = later(known.expires_at, expires_at)
        return known
    asset = another_name(known, details.name, expires_at)
    asset.id = details.id or asset.id
    asset.tags, asset.job_id, asset.created_at = list(details.tags), details.job_id, now
    session.add(asset)
    return asset


def end_of(details: Details, now: datetime, usual: timedelta | None) -> datetime | None:
    """When an asset expires: as it was said, or else after the usual time. Raises Refusal: invalid_fields."""
    given, lifetime = details.expires_at, details.lifetime or usual
    if given is not None and given <= now:
        raise wrong_field("expires_at", "must be in the future")
    return given if given is not None or lifetime is None else now + lifetime


def take_place(session: Session, user: User, content: Content, most_stored: int | None) -> None:
    """Count the bytes, and take back the note of their folder. Raises Refusal."""
    check_stored_bytes(user, most_stored, content.size)
    if not take_back_notes(session, [folder_of(content.path)]):
        raise upload_too_slow()
    user.stored_bytes += content.size
