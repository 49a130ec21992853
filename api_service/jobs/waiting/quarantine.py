"""Workflows in quarantine: listed for those whose jobs brought them there, and released by admins."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Engine, any_, delete, literal, tuple_
from sqlmodel import col, select

from api_service.refusals.jobs import quarantine_not_found
from shared.database.engine import reading, transaction
from shared.jobs.failures.quarantine import IN_QUARANTINE
from shared.jobs.listing.page_range import Position
from shared.models import SuspectWorkflow


def page_of_quarantine(
    engine: Engine, owner: UUID | None, after: Position[str] | None, limit: int
) -> Sequence[SuspectWorkflow]:
    """Those that jobs of that owner brought there (None: anybody's), the newest first, after a position."""
    found = select(SuspectWorkflow).where(IN_QUARANTINE)
    since, fingerprint = col(SuspectWorkflow.quarantined_at), col(SuspectWorkflow.fingerprint)
    if owner is not None:
        found = found.where(literal(owner) == any_(col(SuspectWorkflow.user_ids)))
    if after is not None:
        found = found.where(tuple_(since, fingerprint) < tuple_(*after))
    with reading(engine) as session:
        return session.exec(found.order_by(since.desc(), fingerprint.desc()).limit(limit)).all()


def release(engine: Engine, fingerprint: str) -> None:
    """Let jobs of the workflow run again; its failures are counted anew. Raises Refusal: quarantine_not_found."""
    this = (col(SuspectWorkflow.fingerprint) == fingerprint, IN_QUARANTINE)
    with transaction(engine) as session:
        if session.exec(delete(SuspectWorkflow).where(*this)).rowcount == 0:
            raise quarantine_not_found(fingerprint)


def position_of(suspect: SuspectWorkflow) -> Position[str]:
    """Where it is in the list."""
    assert suspect.quarantined_at is not None, "it is in quarantine"
    return Position(suspect.quarantined_at, suspect.fingerprint)
