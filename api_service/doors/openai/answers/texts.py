"""Pictures as text, piece by piece: an answer may have many megabytes, of which one piece is in memory."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from api_service.http.downloads import readable
from shared.models import JobOutput
from shared.storage.store import OutputStore

Pieces = Iterator[bytes]


def opened(store: OutputStore, pictures: Sequence[JobOutput]) -> list[Pieces]:
    """The bytes of each picture. Blocks. Raises Refusal, for one that cannot be read: before anything is sent."""
    found = []
    for picture in pictures:
        with readable(store, picture.path):
            found.append(store.read(picture.path))
    return found


def base64_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """The bytes in base64; each three of them are four letters."""
    rest = b""
    for piece in pieces:
        whole = rest + piece
        end = len(whole) // 3 * 3
        rest = whole[end:]
        yield base64.b64encode(whole[:end]).decode()
    yield base64.b64encode(rest).decode()


def with_picture(fields: Mapping[str, Any], pieces: Iterable[bytes]) -> Iterator[str]:
    """A JSON object, on one line, of these fields and of the picture in `b64_json`."""
    yield '{"b64_json": "'
    yield from base64_of(pieces)
    yield '"' + "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()) + "}"


def answer_text(fields: Mapping[str, Any], pictures: Sequence[Iterable[bytes]]) -> Iterator[str]:
    """A JSON object of these fields and of the pictures in `data`."""
    yield json.dumps(fields)[:-1] + ', "data": ['
    for number, pieces in enumerate(pictures):
        yield ", " if number else ""
        yield from with_picture({}, pieces)
    yield "]}"
