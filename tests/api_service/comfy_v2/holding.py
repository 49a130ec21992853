"""An application whose answers at `/api/v2` are held to the facts of the contract, whoever asks."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.api_service.comfy_v2.facts import hold


def holding(app: ASGIApp) -> ASGIApp:
    """The same application. An answer that the contract does not have is an error in it, and is not sent: of events
    each by itself, of anything else in JSON the whole."""

    async def held(scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["path"].startswith("/api/v2/")
        await app(scope, receive, Held(scope, send) if is_ours else send)

    return held


class Held:
    """What is sent of one answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.start: Message = {}
        self.headers: dict[str, str] = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            if not self.is_json:
                self.hold(b"")
                await self.send(message)
            return
        if message["type"] == "http.response.body" and self.is_json:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                self.hold(self.body)
                await self.send(self.start)
                await self.send({**message, "body": self.body})
            return
        if message["type"] == "http.response.body" and self.is_stream:
            self.hold(message.get("body", b""))
        await self.send(message)

    @property
    def is_json(self) -> bool:
        return self.headers.get("content-type", "").startswith("application/json")

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def hold(self, body: bytes) -> None:
        hold(self.scope["method"], self.scope["path"], self.start["status"], self.headers, body)
