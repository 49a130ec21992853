"""A stream ends within seconds of the key it was opened with, and its ticket lives as long as it does.

One look serves all open streams of the process. While no stream is open, nothing is asked.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine, func, or_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from api_service.streams.timings import StreamTimings
from api_service.streams.watch import Holder, KeyEnded, Resumed, StreamEnded, Watch
from shared.database.engine import transaction
from shared.models import ApiKey, StreamTicket

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Rights:
    """What the database says of the keys and tickets of open streams. `run` does blocking work in a thread."""

    engine: Engine
    run: Callable[..., Any]
    timings: StreamTimings

    async def lost(self, holders: Collection[Holder]) -> Mapping[Holder, StreamEnded]:
        """Those of these holders that may not go on, each with the reason. The tickets of the others are renewed.

        Raises SQLAlchemyError.
        """
        found: Mapping[Holder, StreamEnded] = await self.run(self.look, holders)
        return found

    def look(self, holders: Collection[Holder]) -> Mapping[Holder, StreamEnded]:
        lost: dict[Holder, StreamEnded] = {}
        with transaction(self.engine) as session:
            valid = valid_keys(session, {holder.key_id for holder in holders})
            newest = self.newest_connections(session, {holder.ticket_hash for holder in holders if holder.ticket_hash})
        for holder in holders:
            if holder.key_id not in valid:
                lost[holder] = KeyEnded()
            elif holder.ticket_hash and newest.get(holder.ticket_hash, holder.connection) != holder.connection:
                lost[holder] = Resumed()
        return lost

    def newest_connections(self, session: Session, hashes: Collection[bytes]) -> Mapping[bytes, int]:
        """The newest connection of each ticket, after a renewal of those that would expire during a client's pause."""
        if not hashes:
            return {}
        pause, expires_at = self.timings.tickets.pause, col(StreamTicket.expires_at)
        of_these = col(StreamTicket.secret_hash).in_(hashes)
        session.exec(
            update(StreamTicket)
            .where(of_these, expires_at < func.now() + pause, expires_at < col(StreamTicket.resumable_until))
            # Half as long again, so that a row is written once in half a pause.
            .values(expires_at=func.least(func.now() + pause * 1.5, col(StreamTicket.resumable_until)))
            .execution_options(synchronize_session=False)
        )
        return dict(session.exec(select(StreamTicket.secret_hash, StreamTicket.connections).where(of_these)).all())


def valid_keys(session: Session, key_ids: Collection[str]) -> set[str]:
    """Those of these keys that are neither revoked nor expired."""
    unexpired = or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > func.now())
    valid = select(ApiKey.id).where(col(ApiKey.id).in_(key_ids), col(ApiKey.revoked_at).is_(None), unexpired)
    return set(session.exec(valid))


async def end_streams_without_right(watches: Iterable[Watch], rights: Rights) -> None:
    """End streams whose key ended, or that were resumed on another connection. Runs until cancelled."""
    while True:
        await asyncio.sleep(rights.timings.rights_check_s)
        holders = {watch.holder for watch in watches if watch.holder}
        if not holders:
            continue
        try:
            lost = await rights.lost(holders)
        except SQLAlchemyError as error:  # nobody can say now who may not go on
            log.warning("streams.rights_unknown", error=str(error))
            continue
        for watch in watches:
            if watch.holder and watch.holder in lost:
                watch.end(lost[watch.holder])
