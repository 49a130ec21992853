"""Who asks from a trusted network: one user for each, where an operator has said so. Nobody, unless."""

import time
from collections.abc import Sequence
from ipaddress import ip_address
from uuid import UUID

from sqlalchemy import Engine

from api_service.accounts.identity import Identity
from api_service.refusals.accounts import unauthenticated
from shared.accounts.users import find_user
from shared.configuration.pairs import TrustedNetwork
from shared.database.engine import reading
from shared.models import Scope

BELIEVED_S = 1.0  # how long a process goes on believing who is called so
RIGHTS = frozenset({Scope.NATIVE})


class TrustedNetworks:
    """The networks of NATIVE_TRUSTED, and whose requests come from there. Safe to use from several threads."""

    def __init__(self, engine: Engine, networks: Sequence[TrustedNetwork]) -> None:
        self.engine = engine
        self.networks = networks
        self.known: dict[str, tuple[UUID | None, float]] = {}

    def network_of(self, address: str) -> TrustedNetwork | None:
        """The narrowest network that an address is in."""
        try:
            given = ip_address(address)
        except ValueError:
            return None
        mapped = getattr(given, "ipv4_mapped", None) or given
        having = [one for one in self.networks if mapped in one.network]
        return max(having, key=lambda one: one.network.prefixlen) if having else None

    def identify(self, trusted: TrustedNetwork) -> Identity:
        """The user of a network. Raises Refusal: unauthenticated, for one that there is not."""
        user_id, until = self.known.get(trusted.user, (None, 0.0))
        if time.monotonic() >= until:
            asked_at = time.monotonic()
            with reading(self.engine) as session:
                user = find_user(session, trusted.user)
            user_id = user.id if user else None
            self.known[trusted.user] = user_id, asked_at + BELIEVED_S
        if user_id is None:
            raise unauthenticated(f"the network is trusted as {trusted.user!r}, and there is no such user")
        return Identity(user_id, f"network-{trusted.user}", RIGHTS, {}, has_key=False)
