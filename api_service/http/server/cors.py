"""Pages of other origins may call the API where CORS_ORIGINS names them: a browser asks first, and is told here.

There are no cookies, so no answer allows credentials: a page sends its key in a header of its own.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
METHODS = "GET, HEAD, POST, PATCH, PUT, DELETE"
# What a request may have beside what every page may send.
REQUEST_HEADERS = (
    *("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Prefer", "X-Request-Id", "Last-Event-ID"),
    *("If-None-Match", "If-Match", "If-Range", "If-Modified-Since", "Range", "Cache-Control"),
)
# What a page may read of an answer beside what every page may.
ANSWER_HEADERS = (
    *(
        "ETag",
        "Location",
        "Retry-After",
        "X-Request-Id",
        "X-Comfy-Request-Id",
        "X-Preview",
        "Idempotency-Replayed",
        "Preference-Applied",
        "Allow",
    ),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "WWW-Authenticate"),
    *("Accept-Ranges", "Content-Range", "Content-Length", "Content-Disposition"),
)
ASKED_AGAIN_S = 600  # for how long a browser remembers what it was told
ASKS_FIRST = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class CrossOrigin:
    """ASGI middleware: answers what browsers ask first, and names the origin in every other answer to its pages."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self.app = app
        self.is_open = ANY in origins
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        allowed = self.allowed(headers.get("origin"))
        if allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return await self.first_answer(allowed)(scope, receive, send)

        async def send_to_page(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.tell(MutableHeaders(scope=message), allowed)
            await send(message)

        return await self.app(scope, receive, send_to_page)

    def allowed(self, origin: str | None) -> str | None:
        """What to say is allowed; None for nothing."""
        if origin is None:
            return None
        return ANY if self.is_open else origin if origin in self.origins else None

    def first_answer(self, allowed: str) -> Response:
        told = {
            "Access-Control-Allow-Origin": allowed,
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
            "Access-Control-Max-Age": str(ASKED_AGAIN_S),
            "Vary": ASKS_FIRST,
        }
        return Response(status_code=204, headers=told)

    def tell(self, headers: MutableHeaders, allowed: str | None) -> None:
        if not self.is_open:
            headers.add_vary_header("Origin")  # also where no origin asked: a cache may answer one that does
        if allowed:
            headers["Access-Control-Allow-Origin"] = allowed
            headers["Access-Control-Expose-Headers"] = ", ".join(ANSWER_HEADERS)
