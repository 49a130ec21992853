"""A file is put on a server piece by piece, within bounds, and whatever the server makes of it is understood."""

import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from shared.jobs.errors import ComfyUIUnreachable, WorkerStopping
from tests.simulator.running import BOTH, RunningSimulator
from tests.worker_service.comfyui.raw_server import Play, raw_server, says
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import Pace
from worker_service.comfyui.inputs.errors import InputTooLarge, UploadFailed
from worker_service.comfyui.inputs.uploads import InputFile, Presence, presence, upload

CONTENT = b"picture" * 100_000
FILE = InputFile("folder", "a.png", len(CONTENT))
OK = "HTTP/1.1 200 OK\nConnection: close"
QUICKLY = Pace(least_bytes=1024, within_s=0.3)


def pieces(content: bytes = CONTENT) -> Iterator[bytes]:
    for start in range(0, len(content), 65536):
        yield content[start : start + 65536]


@pytest.fixture
def comfyui(simulator: RunningSimulator) -> Iterator[ComfyUIClient]:
    client = ComfyUIClient(simulator.url)
    yield client
    client.close()


@BOTH
@pytest.mark.system
def test_a_file_is_there_once_it_was_put_there(comfyui: ComfyUIClient, simulator: RunningSimulator) -> None:
    assert presence(comfyui, FILE) is Presence.ABSENT
    assert upload(comfyui, FILE, pieces(), overwrite=False)
    assert presence(comfyui, FILE) is Presence.THERE
    assert (simulator.input_directory / "folder" / "a.png").read_bytes() == CONTENT
    assert presence(comfyui, FILE._replace(size=5)) is Presence.ANOTHER


@pytest.mark.system
def test_a_picture_is_put_into_the_cache_and_stays_what_it_was(comfyui: ComfyUIClient) -> None:
    picture = InputFile("folder", "a b.png", len(CONTENT), is_cached=True)
    assert presence(comfyui, picture) is Presence.ABSENT
    assert upload(comfyui, picture, pieces(), overwrite=False)
    assert upload(comfyui, picture, pieces(b"y" * len(CONTENT)), overwrite=True)
    assert presence(comfyui, picture) is Presence.THERE
    assert presence(comfyui, FILE._replace(name="a b.png")) is Presence.ABSENT
    assert comfyui.connection.ask("GET", "/api/etn/image/genonaut-inputs-a%20b.png").content == CONTENT


@pytest.mark.system
def test_another_of_its_name_is_told_and_written_over(comfyui: ComfyUIClient, simulator: RunningSimulator) -> None:
    other = b"x" * len(CONTENT)
    assert upload(comfyui, FILE, pieces(other), overwrite=False)
    assert not upload(comfyui, FILE, pieces(), overwrite=False)
    assert upload(comfyui, FILE, pieces(), overwrite=True)
    assert (simulator.input_directory / "folder" / "a.png").read_bytes() == CONTENT


def drained(answer: Play) -> Play:
    """Answers once the whole form has come."""

    def play(connection: socket.socket, heard: bytes) -> None:
        while b"--\r\n" not in heard[-8:]:
            heard = heard[-8:] + connection.recv(1 << 20)
        answer(connection, b"")

    return play


ANSWERS: dict[str, tuple[Play, type[Exception]]] = {
    "too large": (says("HTTP/1.1 413 Too Large\nConnection: close"), InputTooLarge),
    "broken": (says("HTTP/1.1 500 Error\nConnection: close"), UploadFailed),
    "no such call": (says("HTTP/1.1 404 Not Found\nConnection: close"), UploadFailed),
    "a proxy without its server": (says("HTTP/1.1 502 Bad Gateway\nConnection: close"), ComfyUIUnreachable),
    "credentials": (says("HTTP/1.1 401 Unauthorized\nConnection: close"), ComfyUIUnreachable),
    "nothing said": (says(OK), UploadFailed),
    "no JSON": (says(OK, b"<html>"), UploadFailed),
    "a list": (says(OK, b"[]"), UploadFailed),
    "too much": (says(OK, b" " * 100_000), UploadFailed),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_what_a_server_makes_of_a_file_is_understood(what: str) -> None:
    play, error = ANSWERS[what]
    with raw_server(drained(play)) as url:
        client = ComfyUIClient(url)
        with pytest.raises(error):
            upload(client, FILE, pieces(), overwrite=False)
        client.close()


def test_a_refusal_before_all_was_sent_is_heard() -> None:
    with raw_server(says("HTTP/1.1 413 Too Large\nConnection: close")) as url:
        client = ComfyUIClient(url)
        with pytest.raises((InputTooLarge, ComfyUIUnreachable)):  # the connection may break before the answer is read
            upload(client, FILE, pieces(), overwrite=False)
        client.close()


def held(_connection: socket.socket, _heard: bytes) -> None:
    threading.Event().wait(5)


@pytest.mark.parametrize("content", [CONTENT, bytes(50_000_000)], ids=["in the answer", "in the form"])
def test_a_server_that_takes_no_more_ends_at_its_deadline(content: bytes) -> None:
    with raw_server(held) as url:
        client = ComfyUIClient(url)
        with pytest.raises(ComfyUIUnreachable):
            upload(client, FILE._replace(size=len(content)), pieces(content), overwrite=False, pace=QUICKLY)
        client.close()


def test_what_ends_the_reading_ends_the_upload() -> None:
    def stopped() -> Iterator[bytes]:
        yield CONTENT[:10]
        raise WorkerStopping

    with raw_server(held) as url:
        client = ComfyUIClient(url)
        with pytest.raises(WorkerStopping):
            upload(client, FILE, stopped(), overwrite=False)
        client.close()


HEADS: dict[str, tuple[str, Presence]] = {
    "there": (f"{OK}\nContent-Length: {len(CONTENT)}", Presence.THERE),
    "no length": (f"{OK}\nTransfer-Encoding: chunked", Presence.THERE),
    "not there": ("HTTP/1.1 404 Not Found\nConnection: close", Presence.ABSENT),
    "no such question": ("HTTP/1.1 405 Not Allowed\nConnection: close", Presence.UNKNOWN),
    "a page to log in": ("HTTP/1.1 302 Found\nLocation: /login\nConnection: close", Presence.UNKNOWN),
}


@pytest.mark.parametrize("what", HEADS)
def test_whether_a_file_is_there_is_only_believed_where_it_is_said(what: str) -> None:
    head, expected = HEADS[what]
    with raw_server(says(head)) as url:
        client = ComfyUIClient(url)
        assert presence(client, FILE) is expected
        client.close()


def test_a_server_that_asks_for_credentials_is_not_thought_to_lack_the_file() -> None:
    with raw_server(says(f"HTTP/1.1 {HTTPStatus.FORBIDDEN} Forbidden\nConnection: close")) as url:
        client = ComfyUIClient(url)
        with pytest.raises(ComfyUIUnreachable, match="403"):
            presence(client, FILE)
        client.close()
