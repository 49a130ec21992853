"""A process with many watchers: its connections to Redis, readers that do not read, and how it stops."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis
import uvicorn

from api_service.http.server.serving import listening
from shared.jobs.cancel import cancel_one
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, GenerationJob
from tests.api_service.conftest import bearer
from tests.api_service.serving import PATIENCE_S, Served, closing, received, served, served_here
from tests.api_service.streams.test_websocket import progress
from tests.jobs import job, running, submitted
from tests.sweeps import rest_at_landing
from tests.worker_service.waiting import until

pytestmark = pytest.mark.system

LARGE = "A" * 200_000
RELAY = "genonaut-relay"  # by this name Redis knows their connections


@pytest.fixture
def api(environ: dict[str, str], key: str, tmp_path: Path) -> Iterator[Served]:
    with served(environ, key, tmp_path, program="tests.api_service.quick_api") as started:
        yield started


@pytest.fixture
def api_here(environ: dict[str, str], key: str) -> Iterator[Served]:
    """For what asks nothing of its process."""
    with served_here(environ, key) as started:
        yield started


def asked(api: Served, path: str, **headers: str) -> socket.socket:
    """A connection over which something was asked, and whose answer nobody reads."""
    host, _, port = api.address.partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lines = [f"GET {path} HTTP/1.1", f"Host: {api.address}"]
    lines += [f"{name}: {value}" for name, value in {**bearer(api.key), **headers}.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def preview(held: GenerationJob, tick: int) -> Event:
    return Event.live(EventType.PREVIEW, held, at=datetime.now(UTC), tick=tick, data={"image": LARGE})


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Version": "13",
}


def test_an_answer_does_not_wait_for_the_client_to_acknowledge_its_head() -> None:
    with listening(uvicorn.Config("", host="127.0.0.1", port=0, log_config=None)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_no_answer_of_a_served_api_waits_for_an_acknowledgement(api_here: Served) -> None:
    def seconds(http: httpx.Client) -> float:
        asked_at = time.monotonic()
        assert http.get("/health/live").status_code == 200
        return time.monotonic() - asked_at

    with httpx.Client(base_url=f"http://{api_here.address}") as http:
        took = [seconds(http) for _ in range(40)]
    # A client acknowledges the first answers of a connection at once, and then none before 40 ms are over.
    assert min(took[-10:]) < 0.03


def relays(client: redis.Redis) -> int:
    """The connections that relays have to Redis."""
    return sum(one["name"] == RELAY for one in client.client_list())


def test_watchers_take_no_connections_to_redis(
    api_here: Served, messenger: Messenger, redis_client: redis.Redis
) -> None:
    until(lambda: any(one["psub"] != "0" for one in redis_client.client_list() if one["name"] == RELAY))
    others = relays(redis_client) - 1
    job_ids = [submitted(messenger) for _ in range(5)]
    with ExitStack() as stack:
        for number in range(40):
            job_id = job_ids[number % 5]
            path = ("/ws/jobs", f"/ws/jobs/{job_id}?previews=1", f"/ws/jobs?job_ids={job_id}")[number % 3]
            received(stack.enter_context(api_here.watch(path)))
        assert relays(redis_client) - others <= 2


def test_who_does_not_read_is_dropped_and_slows_nobody(api: Served, messenger: Messenger) -> None:
    held = running(messenger).job
    events = f"/api/v1/generation-jobs/{held.id}/events?previews=true"
    with (
        asked(api, f"/ws/jobs/{held.id}?previews=true", **UPGRADE),
        asked(api, events),
        api.watch(f"/ws/jobs/{held.id}") as plain,
        api.watch("/ws/jobs") as everything,
    ):
        for reader in (plain, everything):
            received(reader)
        dropped, tick = 0, 0
        deadline = time.monotonic() + PATIENCE_S
        while dropped < 2:
            assert time.monotonic() < deadline, api.process.tail()
            tick += 1
            messenger.publish(preview(held, tick))
            progress(messenger, held.id, tick)
            assert [received(reader)["tick"] for reader in (plain, everything)] == [tick, tick]
            log = api.process.command.log.read_text()
            dropped = ("live.too_slow" in log) + ("events.too_slow" in log)
            time.sleep(0.05)


def test_a_reader_that_wakes_up_is_told_why_it_was_dropped(api: Served, messenger: Messenger) -> None:
    held = running(messenger).job
    with api.watch(f"/ws/jobs/{held.id}?previews=true", max_queue=1) as sleeping:
        received(sleeping)
        deadline = time.monotonic() + PATIENCE_S
        tick = 0
        while "live.too_slow" not in api.process.command.log.read_text():
            assert time.monotonic() < deadline
            tick += 1
            messenger.publish(preview(held, tick))
            time.sleep(0.05)
        assert closing(sleeping) == (4408, "the events were not read fast enough")


@pytest.mark.parametrize("how", rest_at_landing([signal.SIGTERM, signal.SIGINT]))
def test_a_stop_ends_each_stream_with_a_reason(api: Served, messenger: Messenger, how: signal.Signals) -> None:
    job_id = submitted(messenger)
    paths = ("/ws/jobs", f"/ws/jobs/{job_id}", f"/ws/jobs?job_ids={job_id}")
    with ExitStack() as stack:
        sockets = [stack.enter_context(api.watch(path)) for path in paths]
        for one in sockets:
            received(one)
        following = stack.enter_context(api.follow(f"/api/v1/generation-jobs/{job_id}/events"))
        assert (following.next() or {})["event"] == "queued"
        os.kill(api.process.pid, how)
        assert [closing(one) for one in sockets] == [(1012, "service restart")] * 3
        assert following.until_the_end() == []
    assert api.process.wait(PATIENCE_S) in {0, 128 + how}
    log = api.process.command.log.read_text()
    assert "Traceback" not in log
    assert "timeout graceful shutdown exceeded" not in log


def test_a_stop_does_not_wait_for_who_does_not_read(api: Served, messenger: Messenger) -> None:
    held = running(messenger).job
    with asked(api, f"/ws/jobs/{held.id}?previews=true", **UPGRADE), api.watch("/ws/jobs") as watching:
        received(watching)
        for tick in range(1, 33):
            messenger.publish(preview(job(messenger, held.id), tick))
        os.kill(api.process.pid, signal.SIGTERM)
        assert closing(watching) == (1012, "service restart")
        api.process.wait(PATIENCE_S)


def test_a_watcher_hears_of_the_end_of_a_job_once(api_here: Served, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with api_here.watch(f"/ws/jobs/{job_id}") as watching:
        received(watching)
        with messenger.transaction() as session:
            cancel_one(session, job_id)
        assert received(watching)["type"] == "cancelled"
        assert closing(watching) == (1000, "cancelled")


def test_what_stands_in_a_query_is_not_logged(api: Served) -> None:
    with api.watch("/ws/jobs/1?ticket=a-secret") as watching:
        assert closing(watching)[0] == 4404
    log = api.process.command.log.read_text()
    assert "live.closed" in log
    assert "a-secret" not in log
