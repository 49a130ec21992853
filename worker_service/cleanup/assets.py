"""Assets go at their end, or once nobody has taken them for long; never while a job that has not ended needs them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, tuple_
from sqlmodel import Session, col, select

from shared.accounts.retention import Kept, keepers
from shared.database.engine import reading, transaction
from shared.files.assets import (
    AssetNeeded,
    delete_expired_asset,
    delete_unused_asset,
    has_expired,
    is_unused,
    needed_by_jobs,
)
from shared.models import Asset
from worker_service.cleanup.jobs import remove_noted
from worker_service.cleanup.portion import Portion, Removed, Tools

WINDOW = 200

HAS_ASSETS = "EXISTS (SELECT FROM assets WHERE user_id = keepers.id)"
Delete = Callable[[Session], tuple[Asset | None, str | None]]


def expired_assets(tools: Tools, _place: str | None) -> Iterator[Portion]:
    yield from pages(tools, has_expired(), (col(Asset.expires_at), col(Asset.id)))


def unused_assets(tools: Tools, _place: str | None) -> Iterator[Portion]:
    for keeper in keepers(tools.engine, Kept.ASSETS, tools.usual, owns_some=HAS_ASSETS):
        wanted = [col(Asset.user_id) == keeper.id, *is_unused(keeper.age), ~needed_by_jobs(col(Asset.id))]
        for portion in pages(tools, wanted, (col(Asset.created_at), col(Asset.id))):
            yield portion._replace(items=[(asset_id, keeper.age) for asset_id in portion.items])


def pages(tools: Tools, wanted: Sequence[ColumnElement[bool]], order: tuple[Any, Any]) -> Iterator[Portion]:
    found = select(*order, col(Asset.size_bytes)).where(*wanted).order_by(*order).limit(WINDOW)
    page = found
    while True:
        with reading(tools.engine) as session:
            rows = session.exec(page).all()
        if rows:
            yield Portion([row[1] for row in rows], sum(row[2] for row in rows), rows[0][0])
        if len(rows) < WINDOW:
            return
        page = found.where(tuple_(*order) > (rows[-1][0], rows[-1][1]))


def remove_expired(tools: Tools, portion: Portion) -> Removed:
    def delete(asset_id: UUID) -> Delete:
        return lambda session: delete_expired_asset(session, asset_id)

    return remove_each(tools, list(map(delete, portion.items)))


def remove_unused(tools: Tools, portion: Portion) -> Removed:
    def delete(asset_id: UUID, age: timedelta) -> Delete:
        return lambda session: delete_unused_asset(session, asset_id, age)

    return remove_each(tools, [delete(*item) for item in portion.items])


def remove_each(tools: Tools, deletes: Sequence[Delete]) -> Removed:
    """Each asset in a transaction of its own, as it holds its user; then the files that were the last of their name."""
    folders: list[str] = []
    removed = Removed()
    for delete in deletes:
        try:
            with transaction(tools.engine) as session:
                asset, folder = delete(session)
        except AssetNeeded:
            continue
        if asset is not None:
            removed = removed.and_(Removed(1, asset.size_bytes if folder else 0))
        if folder:
            folders.append(folder)
    remove_noted(tools, folders)
    return removed
