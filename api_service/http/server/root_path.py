"""The service may be below a path of a proxy: ROOT_PATH goes from what comes in, and before each address that goes out.

Whether the proxy passes the path on or takes it away makes no difference. Behind this middleware all addresses are as
they are described. Whoever writes one into an answer says `below_root(address)`.
"""

from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_service.http.server.address_keys import port_of

# Of the request at work, and in the threads that work for it: two services in one process may have two of them.
ROOT: ContextVar[str] = ContextVar("root_path", default="")


class RootPath:
    """ASGI middleware, around all others: requests lose the path, and a `Location` of ours gets it.

    On the port `beside` all is at `/`: it is a server of its own, whose clients know no more than host and port.
    """

    def __init__(self, app: ASGIApp, root: str, beside: int | None = None) -> None:
        self.app = app
        self.root = root
        self.beside = beside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        root = "" if self.beside is not None and port_of(scope) == self.beside else self.root
        if not root:
            scope["root_path"] = ""
            return await self.app(scope, receive, send)
        token = ROOT.set(root)
        try:
            await self.app(without_root(scope, root), receive, located(send, root))
        finally:
            ROOT.reset(token)
        return None


def below_root(address: str) -> str:
    """An address of ours, such as `/api/v1/me`, as the client of this request reaches it."""
    return f"{ROOT.get()}{address}"


def without_root(scope: Scope, root: str) -> Scope:
    """The scope with the path as it is described. What a server was told of a root path has no say."""
    path: str = scope["path"]
    if not f"{path}/".startswith(f"{root}/"):
        return {**scope, "root_path": ""}
    raw, sent = scope.get("raw_path") or b"", root.encode()
    rest = path.removeprefix(root) or "/"
    # A client may write letters of the path as %xx: then the rest of it is written anew.
    raw_rest = raw.removeprefix(sent) or b"/" if raw.startswith(sent) else rest.encode()
    return {**scope, "path": rest, "raw_path": raw_rest, "root_path": ""}


def located(send: Send, root: str) -> Send:
    async def send_located(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            where = headers.get("location", "")
            if where.startswith("/") and not where.startswith("//"):
                headers["location"] = f"{root}{where}"
        await send(message)

    return send_located
