"""What a connection may cost before anybody knows who it is: each wait has a bound, and so has their number."""

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func
from sqlmodel import select as sql_select

from api_service.http.bodies import LARGEST_BODY
from api_service.http.server.connections import OTHER_FILES, places_for
from api_service.http.server.transport.hearing_out import MOST_HEARD
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob
from tests.api_service.conftest import bearer
from tests.api_service.guarded_api import PATIENT, guard_with
from tests.api_service.serving import PATIENCE_S, Served, closing, received, served, served_here
from tests.jobs import PARAMETERS, submitted
from tests.worker_service.waiting import until

pytestmark = pytest.mark.system

LIVE, JOBS = "/health/live", "/api/v1/generation-jobs/"
ADMITTED = 12


@pytest.fixture
def api(environ: dict[str, str], key: str) -> Iterator[Served]:
    with served_here(environ, key, guard_with(ADMITTED)) as started:
        yield started


@pytest.fixture
def patient_api(environ: dict[str, str], key: str) -> Iterator[Served]:
    """It waits for the heads of requests for as long as these tests last."""
    with served_here(environ, key, guard_with(ADMITTED, PATIENT)) as started:
        yield started


@pytest.fixture
def api_process(environ: dict[str, str], key: str, tmp_path: Path) -> Iterator[Served]:
    """One with a log."""
    guarded = {**environ, "GUARDED_PLACES": str(ADMITTED)}
    with served(guarded, key, tmp_path, program="tests.api_service.guarded_api") as started:
        yield started


def connected(api: Served, sent: str = "") -> socket.socket:
    host, _, port = api.address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    connection.sendall(sent.encode())
    return connection


def head(api: Served, method: str, path: str, **headers: str) -> str:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {api.address}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""])


def until_closed(connection: socket.socket) -> bytes:
    found = bytearray()
    while chunk := connection.recv(65536):
        found += chunk
    return bytes(found)


def test_who_says_nothing_is_left_without_a_word(api: Served) -> None:
    with connected(api) as silent:
        assert until_closed(silent) == b""


@pytest.mark.parametrize("sent", ["G", "GET /health/live HTTP/1.1\r\nHost: a\r\nX-Long: "])
def test_half_a_head_is_waited_for_and_then_answered_408(api: Served, sent: str) -> None:
    with connected(api, sent) as slow:
        said = until_closed(slow)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "request_timeout"


def test_a_head_that_comes_in_time_byte_by_byte_is_answered(patient_api: Served) -> None:
    with connected(patient_api) as slow:
        for letter in head(patient_api, "GET", LIVE, Connection="close"):
            slow.sendall(letter.encode())
        assert until_closed(slow).startswith(b"HTTP/1.1 200 ")


def test_half_a_body_is_waited_for_and_then_answered_408(api_process: Served) -> None:
    headers = {**bearer(api_process.key), "Content-Type": "application/json", "Content-Length": "1000"}
    with connected(api_process, head(api_process, "POST", "/api/v1/generation-jobs/", **headers) + '{"prompt') as slow:
        said = until_closed(slow)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert "Traceback" not in api_process.process.command.log.read_text()


TYPED = {"Content-Type": "application/json"}


def test_a_body_that_stops_is_not_waited_for_as_long_as_one_that_comes(patient_api: Served) -> None:
    """What was promised is more than what is sent, as of a client that counts characters instead of bytes."""
    promised = head(patient_api, "POST", JOBS, **bearer(patient_api.key), **TYPED, **{"Content-Length": "1000"})
    with connected(patient_api, promised + '{"prompt": "a cat"}') as stopped:
        said = until_closed(stopped)
    assert said.startswith(b"HTTP/1.1 408 ")
    problem = json.loads(said.partition(b"\r\n\r\n")[2])
    assert problem["detail"] == "nothing more of the request's body came for 0.5 seconds"


def test_a_body_that_comes_slowly_and_steadily_is_waited_for(patient_api: Served) -> None:
    """It takes longer than a pause may."""
    body = json.dumps(PARAMETERS)
    asked = head(
        patient_api,
        "POST",
        JOBS,
        **bearer(patient_api.key),
        **TYPED,
        **{"Content-Length": str(len(body)), "Connection": "close"},
    )
    with connected(patient_api, asked) as slow:
        for letter in body:
            slow.sendall(letter.encode())
            time.sleep(1.0 / len(body))
        assert until_closed(slow).startswith(b"HTTP/1.1 201 ")


def test_a_body_that_nobody_waits_for_is_not_taken_for_ever(api: Served) -> None:
    """The request was refused by its head; its body trickles on."""
    refused = head(api, "POST", "/api/v1/generation-jobs/", **{"Content-Length": "1000"})
    with connected(api, refused) as slow:
        slow.sendall(b"{")
        said = until_closed(slow)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert said.count(b"HTTP/1.1 ") == 1


def test_who_is_refused_in_the_middle_of_a_body_may_send_it_to_its_end(patient_api: Served) -> None:
    """As a proxy does, which takes it for a failure of ours if it cannot, and never reads the answer."""
    size = 8 * LARGEST_BODY
    promised = head(patient_api, "POST", JOBS, **bearer(patient_api.key), **TYPED, **{"Content-Length": str(size)})
    with connected(patient_api, promised) as sending:
        sending.sendall(b" " * (LARGEST_BODY + 1))
        assert select.select([sending], [], [], PATIENCE_S)[0]
        for _ in range(6):
            sending.sendall(b" " * LARGEST_BODY)
        sending.shutdown(socket.SHUT_WR)
        assert until_closed(sending).startswith(b"HTTP/1.1 413 ")


def test_who_sends_for_ever_is_not_heard_out(api: Served) -> None:
    promised = head(api, "POST", JOBS, **bearer(api.key), **TYPED, **{"Content-Length": str(10**12)})
    with connected(api, promised) as sending, pytest.raises(OSError):  # noqa: PT011 - reset, or a broken pipe
        while True:
            sending.sendall(b" " * 65536)


def test_who_sends_much_in_the_time_there_is_is_cut_off(patient_api: Served) -> None:
    promised = head(patient_api, "POST", JOBS, **bearer(patient_api.key), **TYPED, **{"Content-Length": str(10**12)})
    with connected(patient_api, promised) as sending, pytest.raises(OSError):  # noqa: PT011 - reset, or a broken pipe
        for _ in range(2 * MOST_HEARD // 65536):
            sending.sendall(b" " * 65536)


def test_an_idle_connection_is_closed_and_half_of_a_next_request_too(api: Served) -> None:
    with connected(api, head(api, "GET", LIVE)) as idle, connected(api, head(api, "GET", LIVE)) as slow:
        assert slow.recv(1)
        slow.sendall(b"GET /health")
        assert until_closed(idle).count(b"HTTP/1.1") == 1
        assert b"HTTP/1.1 408 " in until_closed(slow)


def test_a_stream_lives_longer_than_any_of_these_bounds(api: Served, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with api.watch(f"/ws/jobs/{job_id}") as watching, api.follow(f"/api/v1/generation-jobs/{job_id}/events") as reading:
        received(watching)
        assert (reading.next() or {})["event"] == "queued"
        with connected(api) as silent, connected(api) as another:
            assert until_closed(silent) + until_closed(another) == b""  # more than a bound has passed
        with httpx.Client(base_url=f"http://{api.address}", headers=bearer(api.key)) as http:
            assert http.post(f"/api/v1/generation-jobs/{job_id}/cancel").status_code == 200
        assert received(watching)["type"] == "cancelled"
        assert closing(watching)[0] == 1000
        assert [event["event"] for event in reading.until_the_end()] == ["cancelled"]


def test_who_has_waited_longest_for_nothing_gives_way_to_who_asks(patient_api: Served) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(patient_api)) for _ in range(3 * ADMITTED)]
        with httpx.Client(base_url=f"http://{patient_api.address}") as http:
            assert http.get(LIVE).status_code == 200
        assert until_closed(idle[0]) == b""
        # The last ones have kept their places.
        idle[-1].sendall(head(patient_api, "GET", LIVE, Connection="close").encode())
        assert until_closed(idle[-1]).startswith(b"HTTP/1.1 200 ")


def test_where_everybody_is_being_served_one_more_is_refused(patient_api: Served, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with ExitStack() as stack:
        for _ in range(ADMITTED):
            received(stack.enter_context(patient_api.watch(f"/ws/jobs/{job_id}")))
        with connected(patient_api) as late:
            said = until_closed(late)
    assert said.startswith(b"HTTP/1.1 503 ")
    with httpx.Client(base_url=f"http://{patient_api.address}") as http:
        assert http.get(LIVE).status_code == 200


@pytest.mark.parametrize("files", [256, 1024, 20_000])
def test_files_are_left_for_everything_else_whatever_is_accepted_at_a_time(files: int) -> None:
    places = places_for(files)
    assert places.connections + places.at_once + OTHER_FILES == files
    assert places.connections >= files / 2
    assert places.at_once >= 8


def test_with_few_files_idle_connections_keep_nobody_out_and_fill_no_log(
    environ: dict[str, str], key: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        api = stack.enter_context(served(environ, key, tmp_path, program="tests.api_service.few_files"))
        for _ in range(400):
            stack.enter_context(connected(api))
        with httpx.Client(base_url=f"http://{api.address}", headers=bearer(key)) as http:
            assert http.get("/api/v1/me").status_code == 200
        assert len(api.process.command.log.read_bytes()) < 100_000


IDLE, WAITS, SLOW = 300, 50, 50


def test_a_job_is_shown_while_a_crowd_is_idle_waits_and_dawdles(
    environ: dict[str, str], key: str, tmp_path: Path, messenger: Messenger
) -> None:
    job_id, body = submitted(messenger), '{"prompt": "a cat", "checkpoint_model": "x"}'
    typed = {**bearer(key), "Content-Type": "application/json"}
    with ExitStack() as stack:
        api = stack.enter_context(served(environ, key, tmp_path))
        waits = head(api, "POST", JOBS, **typed, Prefer="wait=60", **{"Content-Length": str(len(body))}) + body
        dawdles = head(api, "POST", JOBS, **typed, **{"Content-Length": "1000"}) + "{"
        crowd = [stack.enter_context(connected(api, sent)) for sent in [""] * IDLE + [waits] * WAITS + [dawdles] * SLOW]
        until(lambda: recorded(messenger) == 1 + WAITS)
        with httpx.Client(base_url=f"http://{api.address}", headers=bearer(key), timeout=PATIENCE_S) as http:
            assert http.get(f"{JOBS}{job_id}").json()["id"] == job_id
        answered, _, _ = select.select(crowd[IDLE:], [], [], 0)
        assert answered == []  # all of them are still there


def recorded(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.exec(sql_select(func.count()).select_from(GenerationJob)).one()
