"""A request as it is sent: its head is written in one go, and nothing that is put into it can begin another line."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from worker_service.comfyui.http.failures import RequestFailed

AGENT = "genonaut-generation"
TARGET = re.compile(r"[!-~]+")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*")
ALWAYS = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "keep-alive"}


class Sent(NamedTuple):
    """What goes with a request: `json`, or `content` in pieces, whose length is among the `headers`."""

    json: Any = None
    content: Iterable[bytes] | None = None
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """`body` comes behind the bytes of `head`, piece by piece."""

    method: str
    head: bytes
    body: Iterable[bytes]
    silence_s: float  # that is allowed


def written(method: str, target: str, headers: Mapping[str, str], sent: Sent) -> tuple[bytes, Iterable[bytes]]:
    """The head of a request, with its body where that is small, and what comes behind. Raises RequestFailed for what
    cannot be written, and ValueError for what is no JSON."""
    if sent.params:
        target = f"{target}?{urlencode(sent.params, quote_via=quote)}"
    if not TARGET.fullmatch(target):
        raise RequestFailed("its address has characters that no request can have")
    body = b"" if sent.json is None else dumped(sent.json)
    length = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
    lines = [f"{method} {target} HTTP/1.1", *lines_of({**ALWAYS, **length, **sent.headers, **headers}), "\r\n"]
    return "\r\n".join(lines).encode("latin-1") + body, sent.content or ()


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def lines_of(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        line = f"{name}: {value}"
        if not HEADER.fullmatch(line) or not line.isascii():
            raise RequestFailed(f"the header {name[:64]!r} has characters that no request can have")
        yield line
