"""A task as server-sent events: as it is, each change that comes, and its end; from whichever the client has."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col
from starlette.requests import Request
from starlette.testclient import TestClient

from api_service import main
from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.doors.v1.tasks.task_stream import FollowTaskQuery, TaskFollower
from api_service.http.operations import NOTHING, ParsedRequest
from api_service.http.streams.event_stream import as_comment
from api_service.streams.timings import StreamTimings
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger, ring_after_commit
from shared.models import Scope, Task, TaskKind, TaskState
from shared.tasks import life
from tests.api_service.conftest import bearer, new_key
from tests.api_service.streams.test_server_sent import told
from tests.jobs import USER
from tests.tasks import asked, done, ended

TASKS = "/api/v1/tasks"


def path(task_id: UUID) -> str:
    return f"{TASKS}/{task_id}/events"


def changed(messenger: Messenger, task_id: UUID, **values: Any) -> None:
    with messenger.transaction() as session:
        session.exec(update(Task).where(col(Task.id) == task_id).values(updated_at=func.clock_timestamp(), **values))
        ring_after_commit(session, USER)


@pytest.fixture
def complete(messenger: Messenger, tmp_path: Path) -> UUID:
    ended(messenger)
    task_id = asked(messenger, TaskKind.DELETE_JOBS)
    done(messenger, tmp_path, task_id)
    return task_id


def test_the_end_of_a_task_is_told_and_ends_the_stream(client: TestClient, complete: UUID) -> None:
    answer = client.get(path(complete))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    (event,) = told(answer.text)
    assert (event["event"], event["data"]) == ("completed", client.get(f"{TASKS}/{complete}").json())


def test_who_has_the_end_is_told_that_there_is_no_more(client: TestClient, complete: UUID) -> None:
    (event,) = told(client.get(path(complete)).text)
    for again in (
        client.get(path(complete), headers={"Last-Event-ID": event["id"]}),
        client.get(f"{path(complete)}?last_event_id={event['id']}"),
    ):
        assert (again.status_code, again.content) == (204, b"")
    before = client.get(path(complete), headers={"Last-Event-ID": str(int(event["id"]) - 1)})
    assert [one["event"] for one in told(before.text)] == ["completed"]


def test_a_ticket_opens_it_and_its_ids_resume_it(client: TestClient, complete: UUID) -> None:
    ticket = client.post("/api/v1/stream-tickets").json()["ticket"]
    del client.headers["authorization"]
    address = f"{path(complete)}?ticket={ticket}"
    opened, end = told(client.get(address).text)
    assert (opened["event"], end["event"]) == ("opened", "completed")
    assert client.get(address, headers={"Last-Event-ID": end["id"]}).status_code == 204
    assert client.get(address).status_code == 401, "without the secret it opens nothing"


@pytest.mark.parametrize("said", ["x", "-1", str(2**63)])
def test_an_id_that_is_none_is_refused(client: TestClient, complete: UUID, said: str) -> None:
    answer = client.get(path(complete), headers={"Last-Event-ID": said})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")


def test_the_task_of_another_user_is_none(client: TestClient, engine: Engine, complete: UUID) -> None:
    client.headers.update(bearer(new_key(engine, another=True)))
    answer = client.get(path(complete))
    assert (answer.status_code, answer.json()["code"]) == (404, "task_not_found")


class Followed:
    """What somebody is sent who follows a task, and what happens meanwhile, one thing after each text of events."""

    def __init__(self, settings: Settings, task_id: UUID) -> None:
        self.settings = settings
        self.task_id = task_id
        self.sent: list[str] = []

    def during(self, *happenings: Any) -> list[str]:
        left = list(happenings)

        async def send(text: str) -> None:
            self.sent.append(text)
            if len(self.sent) > 1 and left:
                await asyncio.to_thread(left.pop(0))

        async def story() -> None:
            timings = StreamTimings(comment_after_s=0.2, rights_check_s=60)
            async with main.running(self.settings, timings) as services, asyncio.timeout(30):
                identity = Identity(USER, "a-key", frozenset({Scope.READ}), {})
                http = Request({"type": "http", "headers": [], "server": ("api", 80), "scheme": "http", "path": "/"})
                http.state.services = services
                request = ParsedRequest(http, services, Charge(identity), NOTHING, FollowTaskQuery())
                await TaskFollower(request, self.task_id, USER, None).send_changes(send)

        asyncio.run(story())
        return self.sent[1:]


def test_each_change_is_told_with_how_far_it_is(settings: Settings, messenger: Messenger) -> None:
    task_id = asked(messenger, TaskKind.REPORT)
    texts = Followed(settings, task_id).during(
        lambda: changed(messenger, task_id, state=TaskState.RUNNING, done=1, total=4),
        lambda: changed(messenger, task_id, state=TaskState.FAILED, error_code="broken", error_message="it broke"),
    )
    events = told("".join(texts))
    assert [(one["event"], one["data"]["percent"]) for one in events] == [
        ("waiting", None),
        ("running", 25.0),
        ("failed", 25.0),
    ]
    assert events[-1]["data"]["error"] == {"code": "broken", "message": "it broke"}
    assert len({one["id"] for one in events}) == 3


def test_a_comment_shows_that_a_silent_stream_lives(settings: Settings, messenger: Messenger) -> None:
    task_id = asked(messenger, TaskKind.REPORT)
    texts = Followed(settings, task_id).during(
        lambda: None, lambda: changed(messenger, task_id, state=TaskState.COMPLETED)
    )
    assert texts[1] == as_comment()
    assert [one["event"] for one in told("".join(texts))] == ["waiting", "completed"]


def test_one_that_is_deleted_meanwhile_ends_with_that(settings: Settings, messenger: Messenger) -> None:
    task_id = asked(messenger, TaskKind.REPORT)

    def delete() -> None:
        with messenger.transaction() as session:
            life.delete(session, session.get_one(Task, task_id))

    texts = Followed(settings, task_id).during(delete)
    assert texts[-1] == f'event: deleted\ndata: {{"id": "{task_id}"}}\n\n'
