"""Who a request is made for, and what its key may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.models import Scope


@dataclass(frozen=True)
class Identity:
    """A user, by one of its keys; or by a network, which has no key that could end."""

    user_id: UUID
    key_id: str
    scopes: frozenset[str]
    limits: Mapping[str, Any]
    has_key: bool = field(default=True, kw_only=True)

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    @property
    def owner(self) -> UUID | None:
        """The user whose jobs it may see; None for an admin, who may see everybody's."""
        return None if self.is_admin else self.user_id

    @property
    def own_key(self) -> str | None:
        """The id of its key, if it has one."""
        return self.key_id if self.has_key else None

    def may(self, scope: Scope) -> bool:
        return self.is_admin or scope in self.scopes
