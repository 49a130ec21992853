"""What stands before the API passes everything on, at once, and changes nothing.

It is asked as clients ask it, without a key: what a proxy does to a request or to its answer is only seen so. Whether
it ends a stream that is silent for long is not looked at: that would take a minute.
"""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from deploy.doctor.finding import Finding, ok, trouble, warning

SUBJECT = "proxy"
ANSWERS_WITHIN_S = 5.0
UPLOAD_BEGINS_WITHIN_S = 3.0
PIECE, PIECE_EVERY_S = b"-" * 64, 0.1
LONGEST_ANSWER = 64 * 1024  # bytes
ARRIVAL, LOCATION, SOCKET, UPLOAD = "/health/arrival", "/health/ready", "/ws/jobs/0", "/api/v1/assets"
TOGETHER_S, TRIES = 0.1, 3
# Of each API one address, which asks for a key.
DOORS = ("/api/v1/me", "/v1/models", "/system_stats")
OF_OURS = 'realm="genonaut"'
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
SOMEBODY_ELSE = "192.0.2.7"  # an address that nobody has (RFC 5737)


class Front(NamedTuple):
    """The URL at which clients reach the API, and what its certificate is held to."""

    url: SplitResult
    tls: ssl.SSLContext | None

    def connection(self) -> HTTPConnection:
        host = self.url.hostname or ""
        if self.url.scheme == "https":
            return HTTPSConnection(host, self.url.port, timeout=ANSWERS_WITHIN_S, context=self.tls)
        return HTTPConnection(host, self.url.port, timeout=ANSWERS_WITHIN_S)

    def address(self, ours: str) -> str:
        return f"{self.url.path}{ours}"


class Arrival(NamedTuple):
    """How a request arrived at the API, and how its answer arrived here: `apart_s` is between its two events."""

    client: str | None
    base: str
    location: str
    apart_s: float


def look(base: str, root: str, largest: int, tls: ssl.SSLContext | None) -> Iterator[Finding]:
    """What is found through `base` of an API that tells its addresses below `root` and takes uploads of `largest`
    bytes."""
    front = Front(urlsplit(base), tls)
    found: list[Finding] = []
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: arrived(front, root),
        lambda: passed_on(front),
        lambda: upgraded(front),
        lambda: uploaded(front, largest),
    )
    for one in looks:
        try:
            found += one()
        except (OSError, HTTPException) as error:
            found.append(trouble(SUBJECT, f"it breaks off: {error!r}", "Look at the log of the proxy"))
    yield from found or [ok(SUBJECT, "it passes on requests, events, WebSockets and uploads, and changes nothing")]


# ---------------------------------------------------------------- what it makes of a request, and of its answer


def arrived(front: Front, root: str) -> Iterator[Finding]:
    seen = arrival(front)
    if seen is None:
        yield trouble(SUBJECT, f"{ARRIVAL} is not answered by the API", "Let the proxy pass on all addresses")
        return
    yield from located(front, root, seen.location)
    yield from named(front, seen)
    # Sent half a second apart. A machine that is busy may read them together once, and not each time.
    if is_together(seen) and all(is_together(arrival(front)) for _ in range(TRIES - 1)):
        found = "it holds back server-sent events: two that were sent apart came together"
        yield trouble(SUBJECT, found, "Turn its buffering off (nginx: proxy_buffering off)")


def arrival(front: Front) -> Arrival | None:
    """What the API says of a request; None if somebody else answers. Raises OSError and HTTPException."""
    claims = {"X-Forwarded-For": SOMEBODY_ELSE} if front.url.scheme == "https" else {}
    connection = front.connection()
    try:
        connection.request("GET", front.address(ARRIVAL), headers=claims)
        answer = connection.getresponse()
        first = answer.read1(LONGEST_ANSWER)
        began = time.monotonic()
        whole = first + answer.read(LONGEST_ANSWER)
        apart_s = time.monotonic() - began
    finally:
        connection.close()
    try:
        told = json.loads(whole.partition(b"data: ")[2].partition(b"\n")[0])
        return Arrival(told["client"], told["base"], answer.headers.get("Location", ""), apart_s)
    except (ValueError, KeyError, TypeError):
        return None


def is_together(seen: Arrival | None) -> bool:
    return seen is not None and seen.apart_s < TOGETHER_S


def located(front: Front, root: str, location: str) -> Iterator[Finding]:
    """Whether a `Location` leads where it led as it was sent."""
    # Without a ROOT_PATH the proxy has to put its path before it.
    leads_back = {f"{root}{LOCATION}"} if root else {LOCATION, front.address(LOCATION)}
    parts = urlsplit(location)
    if parts.path not in leads_back:
        found = f"the Location {root}{LOCATION} arrives as {location or 'nothing'}"
        advice = "Let the proxy change no Location (nginx: proxy_redirect off), as addresses have ROOT_PATH already"
        yield trouble(SUBJECT, found, advice)
    elif parts.netloc and origin(parts) != origin(front.url):
        found = f"a Location leads to {parts.scheme}://{parts.netloc}, which is not where clients ask"
        yield trouble(SUBJECT, found, "Let the proxy change no Location")


def named(front: Front, seen: Arrival) -> Iterator[Finding]:
    """Whether the API knows how it is reached, and by whom."""
    told, real = urlsplit(seen.base), front.url
    if origin(told) != origin(real):
        found = f"URLs of files begin with {told.scheme}://{told.netloc}, and clients ask {real.scheme}://{real.netloc}"
        advice = (
            "Set PUBLIC_URL for the API, or let the proxy pass on Host and say X-Forwarded-Proto, and name its address "
            "in FORWARDED_ALLOW_IPS"
        )
        yield trouble(SUBJECT, found, advice)
    if seen.client == SOMEBODY_ELSE:
        found = "it passes on what clients say in X-Forwarded-For: each can take the address of another"
        yield trouble(SUBJECT, found, "Let it write its own in that place (nginx: $remote_addr)")


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


# ---------------------------------------------------------------- what it lets through


def passed_on(front: Front) -> Iterator[Finding]:
    lost = []
    for address in DOORS:
        status, headers = answered(front, "GET", address, {})
        if OF_OURS not in headers.get("WWW-Authenticate", ""):
            lost.append(f"{address} ({status})")
    if lost:
        found = f"other answers than the API's come from {', '.join(lost)}"
        yield warning(SUBJECT, found, f"Pass on all below {front.url.path or '/'}, unless this is meant so")


def upgraded(front: Front) -> Iterator[Finding]:
    status, _ = answered(front, "GET", SOCKET, UPGRADE)
    if status != 101:
        found = f"no WebSocket opens: an upgrade is answered with {status}"
        yield trouble(
            SUBJECT, found, "Let it pass on Upgrade and Connection, with HTTP/1.1 (nginx: proxy_http_version)"
        )


def uploaded(front: Front, largest: int) -> Iterator[Finding]:
    """What becomes of an upload that has begun: the API refuses it for its key, before it has read a body."""
    head = {"Content-Length": str(largest), "Content-Type": "multipart/form-data; boundary=x"}
    try:
        status = answered_meanwhile(front, head)
    except TimeoutError:
        found = "it keeps an upload to itself until all of it is there"
        yield warning(SUBJECT, found, "Let it pass on what it has (nginx: proxy_request_buffering off)")
        return
    if status != 401:
        found = f"an upload of {largest} bytes, which ASSET_MAX_BYTES allows, is answered with {status} before the API"
        yield trouble(SUBJECT, found, "Raise its limit (nginx: client_max_body_size), or lower ASSET_MAX_BYTES")


def answered(front: Front, method: str, address: str, headers: Mapping[str, str]) -> tuple[int, HTTPMessage]:
    """The status and the headers of an answer. Raises OSError and HTTPException."""
    with asked(front, method, address, headers) as connection, connection.getresponse() as answer:
        return answer.status, answer.headers


def answered_meanwhile(front: Front, headers: Mapping[str, str]) -> int:
    """The status that an upload is answered with while it comes, a little at a time.

    Caddy passes an answer on that is there early, but only as more of the request comes. Raises TimeoutError if none
    comes, OSError and HTTPException.
    """
    said, end = b"", time.monotonic() + UPLOAD_BEGINS_WITHIN_S
    with asked(front, "POST", UPLOAD, headers) as connection:
        connection.sock.settimeout(PIECE_EVERY_S)
        while b"\n" not in said:
            if time.monotonic() > end:
                raise TimeoutError("no answer")
            with suppress(OSError):  # who has answered may take no more
                connection.sock.sendall(PIECE)
            try:
                came = connection.sock.recv(LONGEST_ANSWER)
            except TimeoutError:
                continue
            if not came:
                raise BadStatusLine(said.decode(errors="replace"))
            said += came
    try:
        return int(said.split()[1])
    except (IndexError, ValueError):
        raise BadStatusLine(said[:80].decode(errors="replace")) from None


@contextmanager
def asked(front: Front, method: str, address: str, headers: Mapping[str, str]) -> Iterator[HTTPConnection]:
    """A connection on which the head of a request has gone out. Raises OSError."""
    connection = front.connection()
    try:
        connection.putrequest(method, front.address(address))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        yield connection
    finally:
        connection.close()
