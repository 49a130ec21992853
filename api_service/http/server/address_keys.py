"""For programs that know no more than an address, the key is in its path, or the address is a port of its own.

A key is cut out before anybody sees the path, the access log first of all. Behind such an address there is only what
speaks ComfyUI's own API: everything else is not there. The address itself has a page, as programs ask for that of
ComfyUI's editor to see whether it runs; nothing in it depends on who asks.
"""

import json
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/c/"
LONGEST_KEY = 200  # characters
BY_ADDRESS = "key_by_address"  # in the state of a request: its key came in its path
NATIVE_ONLY = "native_only"
Headers = tuple[tuple[bytes, bytes], ...]
HTML: Headers = ((b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", b"default-src 'none'"))
JSON: Headers = ((b"content-type", b"application/json"),)
HOME = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Genonaut Generation</title>
<p>Programs that speak to ComfyUI find a pool of servers at this address. There is no editor here.</p></html>
"""
NOT_FOUND = json.dumps(
    {"error": {"type": "not_found", "message": "nothing is at this address", "details": "", "extra_info": {}}}
).encode()


class AddressKeys:
    """ASGI middleware: `/c/<key>/...` becomes `/...` with the key in its header.

    `is_native` says whether a scope is one of those that such an address, or the port, leads to.
    """

    def __init__(self, app: ASGIApp, is_native: Callable[[Scope], bool], port: int | None) -> None:
        self.app = app
        self.is_native = is_native
        self.port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})
        if scope["path"].startswith(PREFIX):
            scope = without_key(scope)
            state[BY_ADDRESS] = state[NATIVE_ONLY] = True
        elif self.port is not None and port_of(scope) == self.port:
            state[NATIVE_ONLY] = True
        if state.get(NATIVE_ONLY) and is_asked_home(scope):
            return await answer(200, HTML, HOME, scope, send)
        if state.get(NATIVE_ONLY) and not self.is_native(scope):
            return await refuse(scope, receive, send)
        return await self.app(scope, receive, send)


def without_key(scope: Scope) -> Scope:
    """The scope with what is behind the key as its path, and the key as its Authorization."""
    key, slash, rest = scope["path"].removeprefix(PREFIX).partition("/")
    path = slash + rest or "/"
    headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    sent = f"Bearer {key[:LONGEST_KEY]}".encode("latin-1", errors="replace")
    return {
        **scope,
        "path": path,
        "raw_path": path.encode(),
        "headers": [*headers, (b"authorization", sent)],
    }


def port_of(scope: Scope) -> int | None:
    """The port that the connection came to."""
    server = scope.get("server")
    return server[1] if server else None


def is_asked_home(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] == "/" and scope["method"] in {"GET", "HEAD"}


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4404, "reason": "nothing is at this address"})
        return
    await answer(404, JSON, NOT_FOUND, scope, send)


async def answer(status: int, headers: Headers, body: bytes, scope: Scope, send: Send) -> None:
    headers = (*headers, (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
