"""Requests to one ComfyUI server: each answer has a bound in bytes, and in time from the request to its last byte."""

import ssl
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

from shared.configuration.server_urls import ServerUrl, server_url
from shared.fleet.credentials import NoToken, headers_for
from shared.jobs.errors import ComfyUIUnreachable
from shared.outgoing.trust import NOT_KNOWN, is_not_trusted
from worker_service.comfyui.http.answer import PIECE
from worker_service.comfyui.http.answer import Answer as Response
from worker_service.comfyui.http.connections import Connections
from worker_service.comfyui.http.deadline import Deadline
from worker_service.comfyui.http.failures import AnswerBroken, RequestFailed
from worker_service.comfyui.http.request import Request, Sent, written
from worker_service.comfyui.http.route import route_to

MEBIBYTE = 1024 * 1024
REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Bounds(NamedTuple):
    """The most bytes of an answer once it is unpacked, and how long it may take."""

    most_bytes: int
    within_s: float
    silence_s: float = 10.0


# Python's objects take up to twenty times as much as their JSON.
# Nobody hears of a cancel or a stop meanwhile, and `locate` asks three times.
ANSWER = Bounds(32 * MEBIBYTE, 15)


class Pace(NamedTuple):
    """The slowest that a file may come or go: so many bytes in each such time. A large one may take for hours."""

    least_bytes: int = 256 * 1024
    within_s: float = 30.0


PACE = Pace()


class Answer(NamedTuple):
    status: int
    content: bytearray


class AnswerTooLarge(Exception):
    """An answer goes on beyond its bound, so it was not read to its end."""

    def __init__(self, request: str, most_bytes: int) -> None:
        super().__init__(f"{request} answers with more than {most_bytes} bytes")
        self.most_bytes = most_bytes


class ServerConnection:
    """One server, with whatever proves to it that we may call it. Safe to use from several threads."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self.url = url if isinstance(url, ServerUrl) else server_url(url)
        self.name = self.url.name
        self.deadline = Deadline()
        self.bounds = ANSWER  # of an answer that is asked for without other ones
        self.route = route_to(self.name)
        # Only a server that is asked by TLS needs the certificates that are trusted: to read them takes 20 ms.
        is_encrypted = self.name.startswith("https:")
        held_to = (tls or ssl.create_default_context()) if is_encrypted else None
        self.connections = Connections(self.route, held_to, self.deadline)

    def ask(
        self,
        method: str,
        path: str,
        bounds: Bounds | None = None,
        accepts: Collection[int] = (),
        kept: Callable[[Iterator[bytes]], Iterator[bytes]] = iter,
        **options: Any,
    ) -> Answer:
        """The whole answer, if its status is a good one or is in `accepts`; or what is `kept` of it, piece by piece.
        Raises ComfyUIUnreachable and AnswerTooLarge."""
        request, content, bounds = f"{method} {path}", bytearray(), bounds or self.bounds
        with self.opened(method, path, bounds, **options) as response:
            if response.status in REFUSED:
                raise ComfyUIUnreachable(self.name, self.refused(response.status))
            if not response.is_good and response.status not in accepts:
                raise ComfyUIUnreachable(self.name, f"{request} answered {response.status}")
            for piece in kept(unpacked(response)):
                content += piece
                if len(content) > bounds.most_bytes:
                    raise AnswerTooLarge(request, bounds.most_bytes)
        return Answer(response.status, content)

    @contextmanager
    def opened(self, method: str, path: str, bounds: Bounds, **options: Any) -> Iterator[Response]:
        """An answer whose body is yet to be read, within the `with` block. `options` are those of `Sent`. Raises
        ComfyUIUnreachable."""
        sent = Sent(**options)
        try:
            headers = {**self.route.headers, **headers_for(self.url)}
            head, body = written(method, f"{self.route.base}{path}", headers, sent)
            request = Request(method, head, body, bounds.silence_s)
            with self.deadline.of(bounds.within_s), self.connections.asked(request) as response:
                yield response
        except NoToken as error:
            raise ComfyUIUnreachable(self.name, str(error)) from error
        except RequestFailed as error:
            raise unreachable(self.name, f"{method} {path}", error) from error

    def refused(self, status: int) -> str:
        """What it means that the server lets nobody in, and what to do about it."""
        if self.url.headers:
            return f"it refuses the credentials that it was added with ({status}): PATCH them"
        if "@" in self.url or self.url.token_file:
            return f"it refuses the credentials that COMFYUI_URLS has for it ({status})"
        return (
            f"it asks for credentials ({status}): put user:password@ or #token_file= into its URL in COMFYUI_URLS, or "
            "PATCH those of a server that was added over HTTP"
        )

    def close(self) -> None:
        self.connections.close()


def unpacked(response: Response) -> Iterator[bytes]:
    """The body in pieces of at most 256 KiB. A server may pack it though it was asked not to, and some megabytes can
    become gigabytes; what it packed in another way than gzip is no answer."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing in {"identity", ""}:
        yield from response.pieces()
        return
    if packing not in {"gzip", "x-gzip", "deflate"}:
        raise AnswerBroken(f"it answers packed as {packing[:40]!r}, which nobody asked for")
    unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        for packed in response.pieces():
            rest = packed
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, PIECE)
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise AnswerBroken(f"what it packed is damaged: {error}") from error
    if not unpacker.eof:
        raise AnswerBroken("what it packed breaks off")


def unreachable(server: str, request: str, error: RequestFailed) -> ComfyUIUnreachable:
    reason = NOT_KNOWN if is_not_trusted(error) else str(error)
    is_refused = isinstance(error.__cause__, ConnectionRefusedError)
    return ComfyUIUnreachable(server, f"{request}: {reason}", refused=is_refused)
