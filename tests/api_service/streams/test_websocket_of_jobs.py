"""/ws/jobs: a snapshot of the jobs that go on, then every event of each, those of new jobs too."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api_service.doors.v1.streams.queries import MOST_JOBS
from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.messaging.broker import sending_broker
from shared.messaging.events import Channels, Event
from shared.messaging.messenger import Messenger
from shared.messaging.redis_clients import hasty_client
from shared.models import EventType, GenerationJob, Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.streams.test_websocket import closing, progress
from tests.jobs import ANOTHER_USER, USER, new_job, output, running, submitted
from tests.worker_service.waiting import until


@pytest.fixture
def silent(messenger: Messenger, settings: Settings) -> Iterator[Messenger]:
    """A messenger whose Redis is not there: what it does is in the rows, and nobody is told."""
    nowhere = load_settings({"APP_ENV": "test", "REDIS_URL": "redis://127.0.0.1:9/3"})
    client = hasty_client(nowhere.redis_url)
    silent = Messenger(messenger.engine, sending_broker(nowhere), client, Channels(settings.redis_ns))
    yield silent
    silent.close()


@pytest.fixture
def admin(engine: Engine) -> dict[str, str]:
    return bearer(new_key(engine, Scope.ADMIN))


def cancel(messenger: Messenger, job_id: int) -> None:
    with messenger.transaction() as session:
        cancel_one(session, job_id)


def heard(socket: WebSocketTestSession, events: int) -> list[tuple[int, int | None, str]]:
    """The job, the number and the type of so many events."""
    found = [socket.receive_json() for _ in range(events)]
    return [(event["job_id"], event.get("sequence"), event["type"]) for event in found]


def test_jobs_that_go_on_are_shown_and_new_ones_told_from_their_first_event(
    client: TestClient, messenger: Messenger
) -> None:
    ended = submitted(messenger)
    cancel(messenger, ended)
    claim = running(messenger)
    live = claim.job.id
    progress(messenger, live, 7)
    with client.websocket_connect("/ws/jobs") as socket:
        snapshot = socket.receive_json()
        lines = {line["id"]: line for line in snapshot["jobs"]}
        assert (snapshot["type"], snapshot["cut"], snapshot["not_found"]) == ("snapshot", False, [])
        assert ended not in lines
        assert (lines[live]["status"], lines[live]["sequence"], lines[live]["progress"]["step"]) == ("running", 2, 7)
        assert [line["id"] for line in snapshot["jobs"]] == sorted(lines, reverse=True)
        made = submitted(messenger)
        assert heard(socket, 1) == [(made, 1, "queued")]
        progress(messenger, live, 8)
        assert socket.receive_json()["tick"] == 8
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        cancel(messenger, made)
        assert heard(socket, 2) == [(live, 3, "completed"), (made, 2, "cancelled")]


def test_nobody_hears_of_the_jobs_of_others(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    theirs = submitted(messenger, user_id=ANOTHER_USER)
    other = bearer(new_key(engine, another=True))
    with (
        client.websocket_connect("/ws/jobs") as mine,
        client.websocket_connect("/ws/jobs", headers=other) as them,
    ):
        assert mine.receive_json()["jobs"] == []
        assert [line["id"] for line in them.receive_json()["jobs"]] == [theirs]
        cancel(messenger, theirs)
        of_them, of_me = submitted(messenger, user_id=ANOTHER_USER), submitted(messenger)
        assert heard(mine, 1) == [(of_me, 1, "queued")]
        assert heard(them, 2) == [(theirs, 2, "cancelled"), (of_them, 1, "queued")]


def test_an_admin_watches_a_user_or_everybody(client: TestClient, messenger: Messenger, admin: dict[str, str]) -> None:
    mine, theirs = submitted(messenger), submitted(messenger, user_id=ANOTHER_USER)
    with (
        client.websocket_connect("/ws/jobs?user_id=all", headers=admin) as everybody,
        client.websocket_connect(f"/ws/jobs?user_id={ANOTHER_USER}", headers=admin) as one,
        client.websocket_connect("/ws/jobs", headers=admin) as own,
    ):
        assert {line["id"] for line in everybody.receive_json()["jobs"]} == {mine, theirs}
        assert {line["id"] for line in one.receive_json()["jobs"]} == {theirs}
        assert {line["id"] for line in own.receive_json()["jobs"]} == {mine}
        for job_id in (mine, theirs):
            cancel(messenger, job_id)
        assert heard(everybody, 2) == [(mine, 2, "cancelled"), (theirs, 2, "cancelled")]
        assert heard(one, 1) == [(theirs, 2, "cancelled")]
        assert heard(own, 1) == [(mine, 2, "cancelled")]


@pytest.mark.parametrize("wish", [f"user_id={ANOTHER_USER}", "user_id=all"])
def test_only_an_admin_may_ask_for_those_of_others(client: TestClient, wish: str) -> None:
    with client.websocket_connect(f"/ws/jobs?{wish}") as socket:
        assert closing(socket) == (4403, "this needs a key with the scope admin")


def test_a_user_may_name_itself(client: TestClient) -> None:
    with client.websocket_connect(f"/ws/jobs?user_id={USER}") as socket:
        assert socket.receive_json()["jobs"] == []


def test_some_jobs_are_watched_until_all_have_ended(client: TestClient, messenger: Messenger) -> None:
    first, second, ended = (submitted(messenger) for _ in range(3))
    theirs = submitted(messenger, user_id=ANOTHER_USER)
    cancel(messenger, ended)
    with client.websocket_connect(f"/ws/jobs?job_ids={second},{first},{ended},{theirs},{theirs + 1}") as socket:
        snapshot = socket.receive_json()
        assert {line["id"]: line["status"] for line in snapshot["jobs"]} == {
            first: "queued",
            second: "queued",
            ended: "cancelled",
        }
        assert snapshot["not_found"] == [theirs, theirs + 1]
        cancel(messenger, theirs)
        submitted(messenger)
        cancel(messenger, first)
        cancel(messenger, second)
        assert heard(socket, 2) == [(first, 2, "cancelled"), (second, 2, "cancelled")]
        assert closing(socket) == (1000, "all have ended")


def test_jobs_that_are_not_there_are_shown_as_such_and_end_it(client: TestClient, messenger: Messenger) -> None:
    theirs = submitted(messenger, user_id=ANOTHER_USER)
    with client.websocket_connect(f"/ws/jobs?job_ids={theirs},9999") as socket:
        assert socket.receive_json()["not_found"] == [theirs, 9999]
        assert closing(socket) == (4404, "there is no such job")


@pytest.mark.parametrize(
    "wish",
    ["job_ids=", "job_ids=x", "job_ids=1,,2", "job_ids=-1", "user_id=me", f"job_ids={','.join(map(str, range(1001)))}"],
)
def test_a_wish_that_cannot_be_understood_closes_with_4422(client: TestClient, wish: str) -> None:
    with client.websocket_connect(f"/ws/jobs?{wish}") as socket:
        code, reason = closing(socket)
    assert code == 4422
    assert reason.startswith(wish.partition("=")[0])


def test_without_a_key_it_closes_with_4401_and_without_the_scope_with_4403(client: TestClient, engine: Engine) -> None:
    for key, code in (("gn_x_y", 4401), (new_key(engine, Scope.WRITE), 4403)):
        for path in ("/ws/jobs", "/ws/jobs/1"):
            with client.websocket_connect(path, headers=bearer(key)) as socket:
                assert closing(socket)[0] == code


@pytest.mark.broad
def test_more_jobs_than_are_shown_are_told_from_their_first_event(client: TestClient, messenger: Messenger) -> None:
    oldest = submitted(messenger)
    with messenger.transaction() as session:
        session.add_all([new_job(events=0) for _ in range(MOST_JOBS)])
    with client.websocket_connect("/ws/jobs") as socket:
        snapshot = socket.receive_json()
        assert (len(snapshot["jobs"]), snapshot["cut"]) == (MOST_JOBS, True)
        assert oldest not in {line["id"] for line in snapshot["jobs"]}
        cancel(messenger, oldest)
        assert heard(socket, 2) == [(oldest, 1, "queued"), (oldest, 2, "cancelled")]


def test_jobs_that_redis_never_told_of_are_found_in_the_rows(
    client: TestClient, messenger: Messenger, silent: Messenger
) -> None:
    before = submitted(messenger)
    cancel(messenger, before)
    with client.websocket_connect("/ws/jobs") as socket:
        socket.receive_json()
        made = submitted(silent)
        cancel(silent, made)
        lives = submitted(silent)
        found = heard(socket, 3)
        assert sorted(found) == [(made, 1, "queued"), (made, 2, "cancelled"), (lives, 1, "queued")]
        cancel(messenger, lives)
        assert heard(socket, 1) == [(lives, 2, "cancelled")], "and nothing of the job that had ended before"


def test_several_jobs_of_one_transaction_are_told_in_one_message(client: TestClient, messenger: Messenger) -> None:
    """What is told here is in no row, so nobody can have heard it from there."""
    jobs = [submitted(messenger), submitted(messenger)]
    theirs = submitted(messenger, user_id=ANOTHER_USER)
    at = datetime.now(UTC)
    events = [
        Event(type=EventType.CANCELLING, job_id=job_id, user_id=user_id, attempt=1, at=at, sequence=2)
        for job_id, user_id in ((jobs[0], USER), (theirs, ANOTHER_USER), (jobs[1], USER))
    ]
    paths = ("/ws/jobs", f"/ws/jobs?job_ids={jobs[0]},{jobs[1]}")
    with client.websocket_connect(paths[0]) as all_mine, client.websocket_connect(paths[1]) as some:
        for socket in (all_mine, some):
            socket.receive_json()
        messenger.publish(*events)
        for socket in (all_mine, some):
            assert heard(socket, 2) == [(jobs[0], 2, "cancelling"), (jobs[1], 2, "cancelling")]


def test_those_who_leave_leave_no_trace(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    relay: Any = client.app_state["services"].relay
    for path in ("/ws/jobs", f"/ws/jobs?job_ids={job_id}", f"/ws/jobs/{job_id}?previews=1"):
        with client.websocket_connect(path) as socket:
            socket.receive_json()
            assert relay.watchers
        assert not relay.watchers


def test_the_end_of_the_service_ends_the_streams_with_a_reason(
    settings: Settings, key: str, messenger: Messenger
) -> None:
    submitted(messenger)
    with TestClient(create_app(settings), headers=bearer(key)) as client:
        relay: Any = client.app_state["services"].relay
        with client.websocket_connect("/ws/jobs") as socket:
            socket.receive_json()
            client.portal.call(relay.stop)  # type: ignore[union-attr]
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_json()
            assert (closed.value.code, closed.value.reason) == (1012, "service restart")
        with client.websocket_connect("/ws/jobs") as late:
            late.receive_json()
            assert closing(late) == (1012, "service restart")


@pytest.mark.parametrize("path", ["/ws/jobs", "/ws/jobs?job_ids={job_id}"])
def test_previews_of_all_jobs_come_only_to_those_who_ask(client: TestClient, messenger: Messenger, path: str) -> None:
    held = running(messenger).job
    plain = path.format(job_id=held.id)
    asked = f"{plain}{'&' if '?' in plain else '?'}previews=true"
    with client.websocket_connect(asked) as asking, client.websocket_connect(plain) as other:
        for socket in (asking, other):
            socket.receive_json()
        assert {one["type"] for one in told_with_preview(asking, messenger, held)} == {"preview", "processing"}
        assert other.receive_json()["type"] == "processing"


def test_previews_of_a_job_come_from_its_start_to_its_end(client: TestClient, messenger: Messenger) -> None:
    relay: Any = client.app_state["services"].relay
    with client.websocket_connect("/ws/jobs?previews=true") as socket:
        socket.receive_json()
        claim = running(messenger)
        assert [kind for *_, kind in heard(socket, 2)] == ["queued", "started"]
        assert {one["type"] for one in told_with_preview(socket, messenger, claim.job)} == {"preview", "processing"}
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        while socket.receive_json()["type"] != "completed":
            pass
        assert not relay.watchers.of_previews
        other = running(messenger).job
        assert [kind for *_, kind in heard(socket, 2)] == ["queued", "started"]
        assert set(relay.watchers.of_previews) == {other.id}
    until(lambda: not relay.watchers.of_previews)


def told_with_preview(socket: WebSocketTestSession, messenger: Messenger, held: GenerationJob) -> list[dict[str, Any]]:
    """What is told of a job that runs, up to its progress: previews are sent until one is told, as Redis may only just
    be asked for them."""
    told: list[dict[str, Any]] = []
    for tick in count(1):
        data = {"image": "AAAA"}
        messenger.publish(Event.live(EventType.PREVIEW, held, at=datetime.now(UTC), tick=tick, data=data))
        progress(messenger, held.id, tick)
        while not told or told[-1]["type"] != "processing":
            told.append(socket.receive_json())
        if any(one["type"] == "preview" for one in told):
            break
        told.clear()
    return told
