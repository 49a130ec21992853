"""Whether an address is that of the one who asks: a proxy that nobody named as trusted speaks for anybody."""

from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

PEER = "peer"  # among the extensions of a scope: who is at the other end of the connection
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


class PeerNoted:
    """ASGI middleware before all others: it notes the peer, before that becomes the one whom a trusted proxy names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope.setdefault("extensions", {})[PEER] = scope.get("client")
        await self.app(scope, receive, send)


def asks_itself(scope: Scope) -> bool:
    """Whether `client` is the one who asks, and no proxy between that and us which is not trusted."""
    headers = Headers(scope=scope)
    if not any(name in headers for name in FORWARDED):
        return True
    extensions: dict[str, Any] = scope.get("extensions") or {}
    return PEER in extensions and extensions[PEER] != scope.get("client")
