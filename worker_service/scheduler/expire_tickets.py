"""Expired tickets are removed."""

import structlog
from sqlalchemy import Engine, delete, func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from shared.database.engine import transaction
from shared.models import StreamTicket

log = structlog.get_logger(__name__)


def remove_expired_tickets(engine: Engine) -> int:
    """Returns how many were removed; none while the database is away."""
    expired = delete(StreamTicket).where(col(StreamTicket.expires_at) <= func.now())
    try:
        with transaction(engine) as session:
            removed = session.exec(expired).rowcount
    except SQLAlchemyError as error:
        log.warning("tickets.unavailable", error=str(error))
        return 0
    if removed:
        log.info("tickets.removed", count=removed)
    return removed
