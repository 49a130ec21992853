"""Whose jobs a caller asks for: their own, or for an admin another user's or everybody's."""

from uuid import UUID

from api_service.accounts.identity import Identity
from api_service.refusals.accounts import forbidden
from shared.jobs.listing.filters import ALL
from shared.models import Scope


def owner_asked_for(identity: Identity, user_id: UUID | str | None) -> UUID | None:
    """Whose jobs are asked for; None for everybody's. Raises Refusal: forbidden, for others' unless one is an admin."""
    if user_id is None or user_id == identity.user_id:
        return identity.user_id
    if not identity.is_admin:
        raise forbidden(Scope.ADMIN)
    return None if user_id == ALL else UUID(str(user_id))
