"""Each request that is not a health check is a span, behind the traceparent that it brings."""

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.http.server.access_log import LONGEST_PATH, is_health_check
from api_service.http.server.metrics import method_of, route_of
from shared.texts.storable import cut
from shared.tracing.traceparent import checked
from shared.tracing.tracing import Kind, Place, Tracing


class Traced:
    """ASGI middleware, around what logs: its lines say the trace. The span of a stream ends with the stream."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self.tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_health_check(scope):
            return await self.app(scope, receive, send)
        status, method = 500, method_of(scope)
        place = Place(checked(Headers(scope=scope).get("traceparent", "")))
        about = {"http.request.method": method, "url.path": cut(scope["path"], LONGEST_PATH)}

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with (
            self.tracing.beginning(method, place, Kind.SERVER, about) as span,
            structlog.contextvars.bound_contextvars(**self.tracing.log_fields()),
        ):
            try:
                await self.app(scope, receive, send_noting)
            finally:
                route = route_of(scope)
                span.name(f"{method} {route}")
                span.note({"http.route": route, "http.response.status_code": status})
                if status >= 500:
                    span.failed(str(status))
        return None
