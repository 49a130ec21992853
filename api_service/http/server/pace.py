"""Requests without a good key are answered at a pace: a few at once, then so many a second for each address.

Who asks more often waits for the answer. So nobody who shows no key takes the time of those who have one.
"""

import asyncio
import time
from collections import OrderedDict
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api_service.http.server.key_headers import authorization_in

A_SECOND = 50.0  # requests of one address
AT_ONCE = 100.0  # that may come in one go
LONGEST_WAIT_S = 5.0
REMEMBERED = 10_000  # addresses
LONGEST_ADDRESS = 64  # characters: a proxy may hand on any text as one


class Pace:
    """How far each address is ahead of its pace. For one event loop."""

    def __init__(self, a_second: float = A_SECOND, at_once: float = AT_ONCE) -> None:
        self.a_second = a_second
        self.at_once = at_once
        self.even_at: OrderedDict[str, float] = OrderedDict()  # the moment at which it is ahead no longer

    def count(self, address: str) -> None:
        """One more request of this address."""
        now = time.monotonic()
        self.even_at[address] = max(self.even_at.get(address, now), now) + 1 / self.a_second
        self.even_at.move_to_end(address)
        if len(self.even_at) > REMEMBERED:
            self.even_at.popitem(last=False)

    def wait_s(self, address: str) -> float:
        """For how long its next request is to wait."""
        ahead_s = self.even_at.get(address, 0.0) - time.monotonic()
        return min(max(0.0, ahead_s - self.at_once / self.a_second), LONGEST_WAIT_S)


class KeylessPace:
    """ASGI middleware: whoever shows no key that was good lately waits for its turn, and is counted if it has none."""

    def __init__(self, app: ASGIApp, pace: Pace) -> None:
        self.app = app
        self.pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})
        address = address_of(scope)
        if (wait_s := self.pace.wait_s(address)) and not self.was_good(scope, state):
            self.pace.count(address)  # now, so that those who come meanwhile wait longer
            await asyncio.sleep(wait_s)
            return await self.app(scope, receive, send)
        try:
            return await self.app(scope, receive, send)
        finally:
            if "identity" not in state:
                self.pace.count(address)

    def was_good(self, scope: Scope, state: dict[str, Any]) -> bool:
        services = state.get("services")
        return services is not None and services.keyring.was_good(authorization_in(Headers(scope=scope)))


def address_of(scope: Scope) -> str:
    """The client's address: that of the connection, or the one a trusted proxy names (see `FORWARDED_ALLOW_IPS`)."""
    client = scope.get("client")
    return str(client[0])[:LONGEST_ADDRESS] if client else ""
