"""/ws/jobs/{id}: a snapshot first, then events without gap or doubling, then a close that says why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.errors import Poison
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels, Event
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import hasty_client
from shared.models import EventType
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.jobs import events, job, output, running, submitted


def progress(messenger: Messenger, job_id: int, tick: int, attempt: int = 1) -> None:
    data = {"percentage": float(tick), "node_id": "3", "node_type": "KSampler", "step": tick, "steps": 20}
    held = job(messenger, job_id)
    held.attempt = attempt
    messenger.publish(Event.live(EventType.PROCESSING, held, at=datetime.now(UTC), tick=tick, data=data))


def closing(socket: WebSocketTestSession) -> tuple[int, str]:
    with pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    return closed.value.code, closed.value.reason


@pytest.fixture
def silent(messenger: Messenger, settings: Settings) -> Messenger:
    """A messenger whose Redis is not there: what it does is in the rows, and nobody is told."""
    nowhere = load_settings({"APP_ENV": "test", "REDIS_URL": "redis://127.0.0.1:9/3"})
    client = hasty_client(nowhere.redis_url)
    return Messenger(messenger.engine, sending_broker(nowhere), client, Channels(settings.redis_ns))


def test_a_job_is_followed_from_its_snapshot_to_its_end(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    job_id = claim.job.id
    with client.websocket_connect(f"/ws/jobs/{job_id}") as socket:
        snapshot = socket.receive_json()
        assert (snapshot["type"], snapshot["sequence"], snapshot["progress"]) == ("snapshot", 2, None)
        assert snapshot["job"].items() <= client.get(f"/api/v1/generation-jobs/{job_id}").json().items()
        progress(messenger, job_id, 1)
        told = socket.receive_json()
        assert (told["type"], told["data"]["percentage"], told["data"]["node_type"]) == ("processing", 1.0, "KSampler")
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        completed = socket.receive_json()
        assert (completed["type"], completed["sequence"]) == ("completed", 3)
        assert completed["data"]["outputs"][0]["url"] == f"/api/v1/generation-jobs/{job_id}/outputs/0"
        assert closing(socket) == (1000, "completed")


def test_who_comes_late_is_told_how_far_it_is_and_only_what_follows(client: TestClient, messenger: Messenger) -> None:
    job_id = running(messenger).job.id
    for tick in (1, 2, 3):
        progress(messenger, job_id, tick)
    with client.websocket_connect(f"/ws/jobs/{job_id}") as socket:
        assert socket.receive_json()["progress"]["step"] == 3
        for tick in (3, 4):
            progress(messenger, job_id, tick)
        assert socket.receive_json()["tick"] == 4


@pytest.mark.parametrize("how", ["complete", "fail", "cancel"])
def test_a_job_that_has_ended_is_a_snapshot_and_a_close(client: TestClient, messenger: Messenger, how: str) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        match how:
            case "complete":
                lifecycle.complete(session, claim.lease, [output(claim)])
            case "fail":
                lifecycle.fail(session, claim.lease, Poison(3))
            case _:
                cancel_one(session, claim.job.id)
    if how == "cancel":
        with messenger.transaction() as session:
            lifecycle.confirm_cancel(session, claim.lease)
    with client.websocket_connect(f"/ws/jobs/{claim.job.id}") as socket:
        status = socket.receive_json()["job"]["status"]
        assert closing(socket) == (1000, status)


@pytest.mark.parametrize("name", ["1", "x", "0", "-1", "99999999999999"])
def test_a_job_that_is_not_there_closes_with_4404(client: TestClient, name: str) -> None:
    with client.websocket_connect(f"/ws/jobs/{name}") as socket:
        code, reason = closing(socket)
    assert (code, reason) == (4404, "there is no such job")


def test_events_that_redis_lost_come_from_the_rows(client: TestClient, messenger: Messenger, silent: Messenger) -> None:
    job_id = submitted(messenger)
    with client.websocket_connect(f"/ws/jobs/{job_id}") as socket:
        assert socket.receive_json()["sequence"] == 1
        with silent.transaction() as session:
            cancel_one(session, job_id)
        assert socket.receive_json()["type"] == "cancelled"
        assert closing(socket) == (1000, "cancelled")


def test_an_event_that_comes_after_a_lost_one_waits_for_it(
    client: TestClient, messenger: Messenger, silent: Messenger
) -> None:
    claim = running(messenger)
    with client.websocket_connect(f"/ws/jobs/{claim.job.id}") as socket:
        socket.receive_json()
        with silent.transaction() as session:
            cancel_one(session, claim.job.id)
        with messenger.transaction() as session:
            lifecycle.confirm_cancel(session, claim.lease)
        heard = [socket.receive_json() for _ in range(2)]
    assert [(one["sequence"], one["type"]) for one in heard] == [(3, "cancelling"), (4, "cancelled")]


def test_without_redis_it_is_told_from_the_rows(
    environ: dict[str, str], key: str, messenger: Messenger, silent: Messenger
) -> None:
    job_id = submitted(messenger)
    settings = load_settings({**environ, "REDIS_URL": "redis://127.0.0.1:9/3"})
    with (
        TestClient(create_app(settings, QUICK), headers=bearer(key)) as client,
        client.websocket_connect(f"/ws/jobs/{job_id}") as socket,
    ):
        assert socket.receive_json()["type"] == "snapshot"
        with silent.transaction() as session:
            cancel_one(session, job_id)
        assert socket.receive_json()["type"] == "cancelled"


def test_previews_come_only_to_those_who_ask(client: TestClient, messenger: Messenger) -> None:
    held = running(messenger).job
    job_id = held.id
    picture = Event.live(EventType.PREVIEW, held, at=datetime.now(UTC), tick=1, data={"image": "AAAA"})
    with (
        client.websocket_connect(f"/ws/jobs/{job_id}?previews=true") as asking,
        client.websocket_connect(f"/ws/jobs/{job_id}") as plain,
    ):
        for socket in (asking, plain):
            socket.receive_json()
        messenger.publish(picture)
        progress(messenger, job_id, 2)
        assert {asking.receive_json()["type"] for _ in range(2)} == {"preview", "processing"}
        assert plain.receive_json()["type"] == "processing"


def test_many_watchers_hear_the_same_and_leave_without_a_trace(client: TestClient, messenger: Messenger) -> None:
    job_id = running(messenger).job.id
    relay: Any = client.app_state["services"].relay
    sockets = [client.websocket_connect(f"/ws/jobs/{job_id}") for _ in range(5)]
    for socket in sockets:
        socket.__enter__()
        socket.receive_json()
    progress(messenger, job_id, 1)
    assert [socket.receive_json()["tick"] for socket in sockets] == [1] * 5
    for socket in sockets:
        socket.__exit__(None, None, None)
    assert not relay.watchers


def test_what_a_watcher_says_is_not_minded(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    with client.websocket_connect(f"/ws/jobs/{job_id}") as socket:
        socket.receive_json()
        socket.send_text("hello")
        socket.send_bytes(b"\0")
        with messenger.transaction() as session:
            cancel_one(session, job_id)
        assert socket.receive_json()["type"] == "cancelled"
    assert len(events(messenger, job_id)) == 2


def test_what_was_before_comes_after_the_snapshot_for_who_names_an_event(
    client: TestClient, messenger: Messenger
) -> None:
    claim = running(messenger)
    job_id = claim.job.id
    with client.websocket_connect(f"/ws/jobs/{job_id}?last_event_id=0") as socket:
        assert (socket.receive_json()["type"], socket.receive_json()["type"]) == ("snapshot", "queued")
        assert socket.receive_json()["type"] == "started"
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        assert socket.receive_json()["sequence"] == 3
        assert closing(socket) == (1000, "completed")
    with client.websocket_connect(f"/ws/jobs/{job_id}?last_event_id=1") as socket:
        told = [socket.receive_json() for _ in range(3)]
        assert [one["sequence"] for one in told] == [3, 2, 3]  # the snapshot has all of them
        assert closing(socket) == (1000, "completed")
