"""Each request has an id, which its answer and every log line it caused have too."""

import re
import time
from collections.abc import Callable, Iterable
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.accounts.identity import Identity
from api_service.http.server.pace import address_of
from shared.texts.storable import cut

log = structlog.get_logger(__name__)

LONGEST_PATH = 512  # bytes; ours are shorter
REQUEST_ID = b"x-request-id"
ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")


class AccessLog:
    """ASGI middleware: `X-Request-Id` in or made, and out; one line for each request that is not a health check.

    `answered` is told of each, with its status and the seconds it took.
    """

    def __init__(self, app: ASGIApp, answered: Callable[[Scope, int, float], None]) -> None:
        self.app = app
        self.answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = id_in(scope) or str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        status, started = 500, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*without_id(message["headers"]), (REQUEST_ID, request_id.encode())]
            await send(message)

        before = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            elapsed_s = time.perf_counter() - started
            self.answered(scope, status, elapsed_s)
            if not is_health_check(scope):
                log.info(
                    "request.answered",
                    method=scope["method"],
                    path=cut(scope["path"], LONGEST_PATH),
                    status=status,
                    elapsed_ms=round(elapsed_s * 1000, 1),
                    **who_asks(scope),
                )
            structlog.contextvars.reset_contextvars(**before)
        return None


def id_in(scope: Scope) -> str | None:
    """The id that a request brings, if it is one."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == REQUEST_ID), "")
    return given if ACCEPTABLE.fullmatch(given) else None


def without_id(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    return (header for header in headers if header[0] != REQUEST_ID)


def is_health_check(scope: Scope) -> bool:
    return bool(scope["path"].startswith("/health/"))


def who_asks(scope: Scope) -> dict[str, str]:
    """From where, and for a known caller by which key of which user, as a log tells it."""
    identity: Identity | None = scope.get("state", {}).get("identity")
    known = {"user_id": str(identity.user_id), "key_id": identity.key_id} if identity else {}
    return {"client": address_of(scope), **known}
