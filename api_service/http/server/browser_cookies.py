"""A browser that has signed in sends its key in a cookie, which no script can read and no other site makes it send.

For what changes something that is not enough: such a request must have a header that only our own pages send, and a
WebSocket must come from them too. A URL that is signed needs no key, and is left to its signature.
"""

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api_service.http.server.key_headers import authorization_in

COOKIE = "genonaut_session"
PAGE_HEADER = "x-genonaut-page"
BY_COOKIE = "key_by_cookie"  # in the state of a request: its key came in a cookie
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_COOKIES = 8192  # characters
CROSS_SITE = json.dumps(
    {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "code": "cross_site",
        "detail": "a browser's session changes things only from this service's own pages; send a key instead",
    }
).encode()


class BrowserCookies:
    """ASGI middleware: the cookie of a browser becomes its Authorization, unless the request has a key of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        has_key = authorization_in(headers) is not None or b"signature=" in scope["query_string"]
        token = None if has_key else token_in(headers)
        if token is None:
            return await self.app(scope, receive, send)
        if not is_of_our_pages(scope, headers):
            return await refuse(scope, receive, send)
        state: dict[str, Any] = scope.setdefault("state", {})
        state[BY_COOKIE] = True
        sent = (b"authorization", f"Bearer {token}".encode("latin-1", errors="replace"))
        return await self.app({**scope, "headers": [*scope["headers"], sent]}, receive, send)


def token_in(headers: Headers) -> str | None:
    """The key in the cookies of a request. Of two with the name, as of services at `/` and below a path of one host,
    the first is that of the longer path (RFC 6265, 5.4)."""
    sent = headers.get("cookie", "")
    if len(sent) > LONGEST_COOKIES:
        return None
    pairs = (pair.partition("=") for pair in sent.split(";"))
    return next((value.strip(' "') for name, _, value in pairs if name.strip() == COOKIE), None) or None


def is_of_our_pages(scope: Scope, headers: Headers) -> bool:
    """Whether another site can not have made the browser send this."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    if scope["type"] == "websocket":
        return headers.get("origin", "").partition("://")[2] == headers.get("host")
    return scope["method"] in SAFE or PAGE_HEADER in headers


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": "not from this service's pages"})
        return
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(CROSS_SITE)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else CROSS_SITE})
