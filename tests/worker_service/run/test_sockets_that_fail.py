"""A server whose socket does not open, or says too much, costs the progress and not the job, and is noted once."""

import json
import resource
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.sync.server import ServerConnection, serve

from shared.models import Outcome
from tests.simulator.graphs import node
from tests.simulator.running import BOTH_AT_LENGTH
from tests.sweeps import rest_at_landing
from tests.worker_service.comfyui.raw_server import raw_server
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.comfyui.bounded_socket import BoundedConnection
from worker_service.comfyui.progress import ProgressSocket
from worker_service.comfyui.socket_health import SocketHealth
from worker_service.run.prompt.mailbox import Mailbox, Signal

MEBIBYTE = 1024 * 1024
TOO_LARGE = BoundedConnection.most_bytes + 1


@BOTH_AT_LENGTH
@pytest.mark.parametrize(
    "status", [200, 302, 404, *(pytest.param(one, marks=pytest.mark.long) for one in (400, 405, 426))]
)
def test_a_proxy_without_websockets_is_noted_and_its_jobs_are_polled(
    deployment: Deployment, worker: RunningWorker, status: int
) -> None:
    fault = deployment.comfyui.fault("answer", path="/ws", status=status, body="{}")
    (client,) = worker.resources.fleet.clients.values()
    with capture_logs() as lines:
        for _ in range(2):
            job_id = deployment.submit()
            deployment.ended(job_id)
            assert deployment.outcomes(job_id) == [Outcome.COMPLETED]
    assert [line["event"] for line in lines].count("socket.does_not_open") == 1
    worker.look()
    assert f"HTTP {status}, where a proxy should pass on the upgrade" in deployment.server().notes["socket"]
    struck = deployment.comfyui.http.get(f"/simulator/faults/{fault.number}").json()["struck"]
    assert struck == 1, "the second job did not try"
    fault.clear()
    client.socket_health.try_at = 0.0  # a minute later
    deployment.ended(deployment.submit())
    until(lambda: client.socket_health.problem is None)
    worker.look()
    assert deployment.server().notes == {}


def test_a_socket_that_asks_for_other_credentials_says_so(deployment: Deployment, worker: RunningWorker) -> None:
    deployment.comfyui.fault("answer", path="/ws", status=401)
    deployment.ended(deployment.submit())
    worker.look()
    assert "asks for other credentials (401)" in deployment.server().notes["socket"]


@BOTH_AT_LENGTH
@pytest.mark.parametrize("what", rest_at_landing(["text", "binary", "unknown_event"]))
def test_frames_that_are_too_large_are_passed_over_and_counted(
    deployment: Deployment, listening: RunningWorker, what: str
) -> None:
    (of_worker,) = listening.resources.jobs.run.sockets.own.values()
    graph = {"1": node("SimulatedFrames", what=what, megabytes=64, times=5)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with capture_logs() as lines:
        job_id = deployment.submit(workflow=graph)
        deployment.ended(job_id)
        # The job may end before the first of them comes. What came since is said at the end of the next one.
        until(lambda: said_to_be_dropped(lines) or (of_worker.connection and of_worker.connection.dropped))
        deployment.ended(deployment.submit())
        until(lambda: said_to_be_dropped(lines))
    assert sum(said_to_be_dropped(lines)) <= 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def said_to_be_dropped(lines: Sequence[Mapping[str, Any]]) -> list[int]:
    return [line["messages"] for line in lines if line["event"] == "progress.dropped"]


def ending(connection: ServerConnection) -> None:
    connection.send(json.dumps({"type": "execution_success", "data": {"prompt_id": "p"}}))


def listening_to(say: Callable[[ServerConnection], None]) -> tuple[Mailbox, Sequence[Mapping[str, Any]]]:
    """What a listener hears of a server that says this, and what is logged of it."""
    opened = []

    def handler(connection: ServerConnection) -> None:
        opened.append(connection)
        say(connection)
        connection.recv()

    mailbox = Mailbox()
    with serve(handler, "127.0.0.1", 0, compression=None) as server, capture_logs() as lines:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        with closing(ProgressSocket(url, "p")) as progress, progress.listening("p", mailbox):
            progress.open()
            assert progress.connected.wait(20)
            until(lambda: Signal.LOOK_SOON in mailbox.heard)
        server.shutdown()
    assert len(opened) == 1, "it was never closed"
    return mailbox, lines


def test_what_follows_a_large_frame_is_heard_on_the_same_socket() -> None:
    def say(connection: ServerConnection) -> None:
        connection.send(b"x" * TOO_LARGE)
        connection.send("x" * TOO_LARGE)
        ending(connection)

    _, lines = listening_to(say)
    assert said_to_be_dropped(lines) == [2]


def test_a_large_message_in_small_frames_is_not_held_either() -> None:
    def say(connection: ServerConnection) -> None:
        connection.send(b"x" * MEBIBYTE for _ in range(64))
        ending(connection)

    _, lines = listening_to(say)
    assert said_to_be_dropped(lines) == [1]


def test_a_message_as_large_as_the_bound_is_heard() -> None:
    metadata = json.dumps({"prompt_id": "p", "image_type": "image/png"}).encode()
    head = struct.pack(">II", 4, len(metadata)) + metadata

    def say(connection: ServerConnection) -> None:
        connection.send(head + b"x" * (BoundedConnection.most_bytes - len(head)))
        ending(connection)

    mailbox, lines = listening_to(say)
    assert mailbox.preview is not None
    assert not said_to_be_dropped(lines)


def test_a_server_that_hangs_up_at_once_is_not_called_again_and_again() -> None:
    tries = []

    def hang_up(connection: socket.socket, head: bytes) -> None:
        tries.append(head)

    health = SocketHealth("server")
    with (
        raw_server(hang_up) as url,
        closing(ProgressSocket(url, "p", health)) as progress,
        progress.listening("p", Mailbox()),
    ):
        progress.open()
        until(lambda: health.problem is not None and len(tries) == 3)
        assert not progress.connected.is_set()


def test_a_redirect_is_not_followed_with_what_is_secret(tmp_path: Path) -> None:
    heard: list[bytes] = []
    (tmp_path / "token").write_text("X-API-Key: secret\n")
    with raw_server(lambda _, head: heard.append(head)) as elsewhere:

        def redirect(connection: socket.socket, _: bytes) -> None:
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}/ws\r\n\r\n".encode())

        with raw_server(redirect) as url:
            health = SocketHealth("server")
            with (
                closing(ProgressSocket(f"{url}#token_file={tmp_path / 'token'}", "p", health)) as progress,
                progress.listening("p", Mailbox()),
            ):
                progress.open()
                until(lambda: health.problem is not None)
            assert "HTTP 302" in (health.problem or "")
    assert heard == []
