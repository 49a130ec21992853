"""Assets for tests: files that are sent, and what is in the store of them."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import select
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import DiscardedFolder, User
from tests.jobs import USER

ASSETS = "/api/v1/assets"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 20


def send(client: TestClient, content: bytes = PNG, filename: str = "photo.png", **fields: Any) -> Any:
    return client.post(ASSETS, files={"file": (filename, content)}, data=fields)


def uploaded(client: TestClient, content: bytes = PNG, filename: str = "photo.png", **fields: Any) -> Any:
    response = send(client, content, filename, **fields)
    assert response.is_success, response.text
    return response.json()


def form(
    content: bytes, *, boundary: str = "xyz", head: str = 'name="file"; filename="a.bin"', end: str = "--"
) -> bytes:
    """The body of a form with one part."""
    return (
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + content
        + (f"\r\n--{boundary}{end}\r\n".encode())
    )


FORM_HEADERS = {"Content-Type": "multipart/form-data; boundary=xyz"}


def files(settings: Settings) -> list[Path]:
    return [path for path in Path(urlsplit(settings.storage_url).path).rglob("*") if path.is_file()]


def notes(messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.exec(select(DiscardedFolder.folder)))


def stored_bytes(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.get_one(User, USER).stored_bytes


def nothing_is_left(settings: Settings, messenger: Messenger) -> bool:
    return (files(settings), notes(messenger), stored_bytes(messenger)) == ([], [], 0)
