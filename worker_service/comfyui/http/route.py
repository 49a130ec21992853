"""How a server is reached: its own address, or that of a proxy that the environment names for it."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from worker_service.comfyui.http.answer import answer_on
from worker_service.comfyui.http.deadline import Deadline
from worker_service.comfyui.http.failures import RequestFailed
from worker_service.comfyui.http.line import Line

CONNECTED_WITHIN_S = 3.0
PORTS = {"http": 80, "https": 443}
KEPT_IN_PATH = "/%:@!$&'()*+,;=~"


class Route(NamedTuple):
    """Where to connect to. `base` is what each request's target begins with, `login` is what a proxy is told of us.
    `tunnel` is the host and port that it is asked to connect to, where it must not see what is said."""

    host: str
    port: int
    authority: str
    base: str
    login: Mapping[str, str] = {}
    tunnel: str | None = None
    proxy: tuple[str, int] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return self.proxy or (self.host, self.port)

    @property
    def headers(self) -> dict[str, str]:
        """Of each request. In a tunnel they would reach the server, which has no business with the proxy's."""
        return {"Host": self.authority, **({} if self.tunnel else self.login)}


def route_to(url: str) -> Route:
    """The way to the server with this URL, as the environment has it now."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    shown = host_of(host)
    authority = shown if port == PORTS[parts.scheme] else f"{shown}:{port}"
    straight = Route(host, port, authority, quote(parts.path.rstrip("/"), safe=KEPT_IN_PATH))
    named = None if proxy_bypass(f"{host}:{port}") else getproxies().get(parts.scheme, getproxies().get("all"))
    if not named:
        return straight
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    by = straight._replace(proxy=(proxy.hostname or "", proxy.port or PORTS["http"]), login=login_of(proxy))
    if parts.scheme == "https":
        return by._replace(tunnel=f"{shown}:{port}")
    return by._replace(base=f"{parts.scheme}://{authority}{straight.base}")


def host_of(name: str) -> str:
    """A host's name as it stands in a request."""
    try:
        return f"[{name}]" if ":" in name else name.encode("idna").decode()
    except UnicodeError:
        return name  # which no look-up finds


def login_of(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"}


def line_to(route: Route, tls: ssl.SSLContext | None, deadline: Deadline, silence_s: float) -> Line:
    """A new connection, encrypted where there is `tls`. Raises RequestFailed."""
    try:
        connected = socket.create_connection(route.address, deadline.shorten(CONNECTED_WITHIN_S))
    except (OSError, UnicodeError) as error:
        raise RequestFailed(f"it cannot be connected to: {error}") from error
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if route.tunnel:
            dig(connected, route, deadline)
        return Line(encrypted(connected, route.host, tls, deadline) if tls else connected, deadline, silence_s)
    except BaseException:
        connected.close()
        raise


def dig(connected: socket.socket, route: Route, deadline: Deadline) -> None:
    """Have the proxy connect to the server. Raises RequestFailed."""
    line = Line(connected, deadline, CONNECTED_WITHIN_S)
    headers = {"Host": route.tunnel, **route.login}
    lines = [f"CONNECT {route.tunnel} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    line.send("\r\n".join(lines).encode("latin-1"))
    if (status := answer_on(line, "CONNECT").status) != HTTPStatus.OK:
        raise RequestFailed(f"the proxy on the way there answers {status}")


def encrypted(plain: socket.socket, host: str, tls: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    plain.settimeout(deadline.shorten(CONNECTED_WITHIN_S))
    try:
        return tls.wrap_socket(plain, server_hostname=host)
    except (OSError, ValueError) as error:
        raise RequestFailed(f"it cannot be spoken to by TLS: {error}") from error
