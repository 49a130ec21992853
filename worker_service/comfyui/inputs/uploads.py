"""Files for the nodes of a prompt are put into the server's folder `input`, or into its cache of pictures: piece by
piece, never whole in memory.

ComfyUI writes a file in place while others may read it, so what is there already is not written again: a request for
its head says whether it is. Measured on ComfyUI 0.33: without `overwrite` the same bytes under the same name stay as
they are, and other bytes get a number in their name. The cache keeps what it has under an id, whatever comes.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from http import HTTPStatus
from itertools import chain
from typing import Any, NamedTuple
from uuid import uuid4

from shared.files.server_names import id_in_cache
from shared.jobs.errors import ComfyUIUnreachable
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import ANSWER, PACE, REFUSED, AnswerTooLarge, Bounds, Pace
from worker_service.comfyui.inputs.errors import InputTooLarge, UploadFailed
from worker_service.comfyui.places import picture_path
from worker_service.comfyui.texts.json_text import read_json

HEAD = Bounds(0, within_s=10)
LARGEST_ANSWER = 64 * 1024
TAKEN = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
AWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
ITS_WORD = frozenset(range(300, 600)) - AWAY  # what a server says of a file that it does not take


class InputFile(NamedTuple):
    """A file in a folder below `input`, and how many bytes it has; or one in the cache of pictures, by its name."""

    folder: str
    name: str
    size: int
    is_cached: bool = False

    @property
    def value(self) -> str:
        """What the input of a node is given."""
        return id_in_cache(self.name) if self.is_cached else f"{self.folder}/{self.name}"


class Presence(Enum):
    THERE = auto()
    ABSENT = auto()
    UNKNOWN = auto()  # something between does not pass the question on
    ANOTHER = auto()  # of the same name: it must be written over


def presence(client: ComfyUIClient, file: InputFile) -> Presence:
    """Whether the server has the file. Raises ComfyUIUnreachable."""
    parameters = {"filename": file.name, "subfolder": file.folder, "type": "input"}
    path, named = (picture_path(file.value), {}) if file.is_cached else ("/view", parameters)
    with client.connection.opened("HEAD", path, HEAD, params=named) as response:
        if response.status in REFUSED:
            raise ComfyUIUnreachable(client.name, client.connection.refused(response.status))
        if response.status != HTTPStatus.OK:
            return Presence.ABSENT if response.status == HTTPStatus.NOT_FOUND else Presence.UNKNOWN
        # Something between may leave the length out.
        length = response.headers.get("content-length", "")
        return Presence.THERE if not length or length == str(file.size) else Presence.ANOTHER


def upload(
    client: ComfyUIClient, file: InputFile, pieces: Iterable[bytes], *, overwrite: bool, pace: Pace = PACE
) -> bool:
    """Put a file on the server. Returns whether it is there under its own name, which another one may have.

    Raises InputTooLarge and UploadFailed for what the server does not take, ComfyUIUnreachable also where it takes it
    too slowly, and whatever reading the pieces raises.
    """
    if file.is_cached:
        return put_picture(client, file, pieces, pace)
    boundary = uuid4().hex
    head, tail = form_around(file, boundary, overwrite=overwrite)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + file.size + len(tail)),
    }
    content = sent(client, file, Way("POST", "/upload/image", headers), chain((head,), pieces, (tail,)), pace)
    return stored_as(client, content) == (file.folder, file.name)


def put_picture(client: ComfyUIClient, file: InputFile, pieces: Iterable[bytes], pace: Pace) -> bool:
    """Put a picture into the server's cache: it is there then, under its name. Raises as `upload` does."""
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.size)}
    sent(client, file, Way("PUT", picture_path(file.value), headers), pieces, pace)
    return True


class Way(NamedTuple):
    """How a file is sent to a server."""

    method: str
    path: str
    headers: Mapping[str, str]


def sent(client: ComfyUIClient, file: InputFile, way: Way, pieces: Iterable[bytes], pace: Pace) -> bytearray:
    """What the server answers to a file that it has taken. Raises as `upload` does."""
    bounds = Bounds(LARGEST_ANSWER, pace.within_s, ANSWER.within_s)
    options: dict[str, Any] = {"content": paced(client, pieces, pace), "headers": way.headers}
    try:
        status, content = client.connection.ask(way.method, way.path, bounds, ITS_WORD, **options)
    except AnswerTooLarge as error:
        raise UploadFailed(client.name, "it answers with too much") from error
    check(client, file, way, status)
    return content


def form_around(file: InputFile, boundary: str, *, overwrite: bool) -> tuple[bytes, bytes]:
    """What comes before and after the bytes of a file in the form that ComfyUI takes."""
    fields = {"type": "input", "subfolder": file.folder, **({"overwrite": "true"} if overwrite else {})}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    disposition = f'Content-Disposition: form-data; name="image"; filename="{file.name}"'
    opening = f"--{boundary}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
    return ("".join(parts) + opening).encode(), f"\r\n--{boundary}--\r\n".encode()


def paced(client: ComfyUIClient, pieces: Iterable[bytes], pace: Pace) -> Iterator[bytes]:
    """The pieces; each time enough of them was taken, the request may take that much longer."""
    taken = 0
    for piece in pieces:
        yield piece
        taken += len(piece)
        if taken >= pace.least_bytes:
            taken = 0
            client.connection.deadline.extend(pace.within_s)
    client.connection.deadline.extend(pace.within_s)  # for the answer


def check(client: ComfyUIClient, file: InputFile, way: Way, status: int) -> None:
    """Raise what it means that a server did not take a file."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise InputTooLarge(client.name, file.size)
    if status not in TAKEN:
        raise UploadFailed(client.name, f"{way.method} {way.path} answered {status}")


def stored_as(client: ComfyUIClient, content: bytearray) -> tuple[str, str]:
    """The folder and the name that the server says it stored a file under."""
    try:
        answer = read_json(content)
        return answer["subfolder"], answer["name"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise UploadFailed(client.name, "it does not say where it stored the file") from error
