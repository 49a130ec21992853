"""A stored file over HTTP: its bytes, whole or one range of them, and not again where the client has them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api_service.http.entity_tags import has_it
from api_service.http.operations import Answer
from api_service.http.request_refusals import range_not_satisfiable
from api_service.refusals.jobs import output_gone, storage_unavailable
from shared.storage.store import OutputStore
from shared.texts.reasons import reason_of

log = structlog.get_logger(__name__)

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

NOT_PLAIN = re.compile(r'[^ -~]|["\\%]')  # what a name in quotes cannot say, or browsers take for something else

# A browser may show these; anything else is only offered for saving.
SHOWN = re.compile(r"(image/(png|jpeg|webp|gif|apng|avif)|video/(mp4|webm)|audio/[a-z0-9.+-]+|text/plain)(;.*)?")


# What a browser may keep of an answer that leads to the store itself: nothing, as the URL ends.
SENT_ON = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}


class StoredFile(NamedTuple):
    """What is to be sent: its key in the store, and what to say of it. `tag` differs wherever the bytes do."""

    path: str
    media_type: str
    filename: str
    tag: str


def send_file(request: Request[Any], store: OutputStore, file: StoredFile) -> Response:
    """The answer to GET and HEAD. Raises Refusal: 410 where the store lost the file, 503 where it cannot be read, 416
    for a range beyond the file."""
    headers = file_headers(file)
    if has_it(request, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    with readable(store, file.path):
        size = store.size(file.path)
        if request.method == "GET" and (url := store.signed_url(file.path)) is not None:
            return Response(status_code=HTTPStatus.FOUND, headers={**SENT_ON, "Location": url})
        asked = asked_range(request, headers["ETag"], size)
        start, end = asked or (0, size)
        content = store.read(file.path, start, end - start) if request.method == "GET" else iter(())
    headers["Content-Length"] = str(end - start)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK
    # As a header of its own: Starlette would add a character set to texts whose own is not known.
    headers["Content-Type"] = file.media_type
    return StreamingResponse(content, status_code=status, headers=headers)


@contextmanager
def readable(store: OutputStore, key: str) -> Iterator[None]:
    """A file of the store is looked at within the block. Raises Refusal, where that fails."""
    try:
        yield
    except FileNotFoundError:
        if reason := store.unreadable():
            raise storage_unavailable(reason) from None
        raise output_gone(key) from None
    except OSError as error:
        log.warning("storage.unreadable", key=key, error=str(error))
        raise storage_unavailable(reason_of(error)) from None


def file_headers(file: StoredFile) -> dict[str, str]:
    shown = "inline" if SHOWN.fullmatch(file.media_type) else "attachment"
    return {
        "ETag": f'"{file.tag}"',
        "Accept-Ranges": "bytes",
        # The files of a job never change, and they are its owner's.
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": f"{shown}; {named(file.filename)}",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",  # pages of any origin may show it, if they have its URL
        "Referrer-Policy": "no-referrer",  # the URL may be signed
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def named(filename: str) -> str:
    """Under which name to save a file. Programs such as curl know only the form that has no letters but ASCII's, so a
    name that needs the other has both (RFC 6266, appendix D)."""
    plain = NOT_PLAIN.sub("_", filename)
    return f'filename="{plain}"' + ("" if plain == filename else f"; filename*=UTF-8''{quote(filename, safe='')}")


def asked_range(request: Request[Any], tag: str, size: int) -> tuple[int, int] | None:
    """The one range asked for, as start and end. None for no range, a changed file, or a form not served in parts.

    RFC 9110, 14.2: a server may ignore Range; it must where If-Range does not match, or the method is not GET.
    """
    found = RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if not found or request.method != "GET" or request.headers.get("if-range", tag) != tag:
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    elif last:
        start, end = max(size - int(last), 0), size
    else:
        return None
    if start >= size:
        raise range_not_satisfiable(size)
    return start, end


FILE_HEADERS = {
    "ETag": "differs wherever the bytes do",
    "Accept-Ranges": "`bytes`",
    "Content-Disposition": "under which name to save it",
}
RANGED = {"Range": "`bytes=first-last`: only these", "If-None-Match": "an ETag: 304 if it is still that one"}


def file_answers(*media_types: str) -> dict[HTTPStatus, Answer]:
    """What an operation that sends a file promises."""
    return {
        HTTPStatus.OK: Answer(None, "the whole file", media_types, FILE_HEADERS),
        HTTPStatus.PARTIAL_CONTENT: Answer(
            None, "the range asked for", media_types, {**FILE_HEADERS, "Content-Range": "which bytes of how many"}
        ),
        HTTPStatus.FOUND: Answer(
            None, "where the store itself has the file, if STORAGE_SIGNED_URLS is set", (), {"Location": "a signed URL"}
        ),
        HTTPStatus.NOT_MODIFIED: Answer(None, "the client has these bytes", (), FILE_HEADERS),
    }


FILE_ANSWERS = file_answers("*/*")
