"""The list of tasks as server-sent events: the newest, then each that is made, changed or deleted; also after a gap."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
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
from api_service.doors.v1.tasks.task_list_stream import FollowTasksQuery, ListFollower
from api_service.doors.v1.tasks.task_stream import change_of
from api_service.http.operations import NOTHING, ParsedRequest
from api_service.http.streams.event_stream import as_comment
from api_service.streams.timings import StreamTimings
from api_service.streams.watch import ServerStops
from api_service.tasks import task_changes
from api_service.tasks.task_changes import TaskChanges
from shared.configuration.settings import Settings
from shared.database.clock import EPOCH
from shared.messaging.messenger import Messenger, ring_after_commit
from shared.models import Scope, Task, TaskKind, TaskState
from shared.tasks import life
from shared.tasks.due import take
from shared.tasks.life import Ending, TaskLease
from tests.api_service.conftest import bearer, new_key
from tests.api_service.streams.test_server_sent import told
from tests.jobs import ANOTHER_USER, LEASE, USER
from tests.tasks import asked, task

EVENTS = "/api/v1/tasks/events"
SOON = StreamTimings(comment_after_s=0.2, rights_check_s=60, catch_up_s=3600)


def followed(settings: Settings, owner: UUID | None, after: int | None, *happenings: Any) -> list[str]:
    """What somebody is sent who follows tasks. One thing happens after each text but the opening; then it stops."""
    sent: list[str] = []
    left = list(happenings)

    async def send(text: str) -> None:
        sent.append(text)
        if len(sent) == 1:
            return
        if not left:
            raise ServerStops
        await asyncio.to_thread(left.pop(0))

    async def story() -> None:
        async with main.running(settings, SOON) as services, asyncio.timeout(30):
            identity = Identity(USER, "a-key", frozenset({Scope.READ}), {})
            http = Request({"type": "http", "headers": [], "server": ("api", 80), "scheme": "http", "path": "/"})
            http.state.services = services
            request = ParsedRequest(http, services, Charge(identity), NOTHING, FollowTasksQuery())
            with pytest.raises(ServerStops):
                await ListFollower(request, owner, after).send_all(send)

    asyncio.run(story())
    return sent[1:]


def lines(texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(one["event"], one["data"]["id"]) for one in told("".join(texts))]


def end(messenger: Messenger) -> None:
    """Let a worker take the task that is due, and fail it."""
    with messenger.transaction() as session:
        taken = take(session, "worker-1", LEASE, None)
    assert taken
    with messenger.transaction() as session:
        ending = Ending(TaskState.FAILED, error=("broken", "it broke"))
        life.end(session, TaskLease(taken.id, taken.claims, LEASE), ending)


def test_the_newest_are_told_and_then_all_that_happens(settings: Settings, messenger: Messenger) -> None:
    first = asked(messenger, TaskKind.REPORT)
    asked(messenger, TaskKind.REPORT, user_id=ANOTHER_USER)
    new: list[UUID] = []

    def make() -> None:
        with messenger.transaction() as session:
            made = Task(user_id=USER, kind=TaskKind.EXPORT)
            session.add(made)
            ring_after_commit(session, USER)
        new.append(made.id)

    def delete() -> None:
        with messenger.transaction() as session:
            life.delete(session, session.get_one(Task, first))

    texts = followed(settings, USER, None, make, lambda: end(messenger), delete)
    said = [("waiting", str(first)), ("waiting", str(new[0])), ("failed", str(first)), ("deleted", str(first))]
    assert lines(texts) == said


def test_who_has_a_change_is_sent_what_came_after_it_and_nothing_old(settings: Settings, messenger: Messenger) -> None:
    old, new = asked(messenger, TaskKind.REPORT), asked(messenger, TaskKind.REPORT)
    with messenger.transaction() as session:
        session.exec(update(Task).where(col(Task.id) == old).values(updated_at=func.now() - timedelta(hours=1)))
    texts = followed(settings, USER, change_of(task(messenger, old)) + 120_000_000)
    assert lines(texts) == [("waiting", str(new))]


def test_one_that_claims_what_is_yet_to_come_misses_nothing(settings: Settings, messenger: Messenger) -> None:
    task_id = asked(messenger, TaskKind.REPORT)
    assert lines(followed(settings, USER, 2**63 - 1)) == [("waiting", str(task_id))]


def test_a_comment_shows_that_a_silent_stream_lives(settings: Settings, messenger: Messenger) -> None:
    asked(messenger, TaskKind.REPORT)
    assert followed(settings, USER, None, lambda: None)[-1] == as_comment()


def test_a_change_that_is_committed_late_is_told(messenger: Messenger) -> None:
    early, late = asked(messenger, TaskKind.REPORT), asked(messenger, TaskKind.REPORT)
    changes = TaskChanges(USER, None)
    assert {one.id for one in changes.look(messenger.engine).tasks} == {early, late}
    with messenger.transaction() as slow:
        slow.exec(update(Task).where(col(Task.id) == early).values(updated_at=func.now(), done=1))
        with messenger.transaction() as session:
            session.exec(update(Task).where(col(Task.id) == late).values(updated_at=func.now(), done=1))
        assert [one.id for one in changes.look(messenger.engine).tasks] == [late]
    assert [one.id for one in changes.look(messenger.engine).tasks] == [early]
    assert changes.look(messenger.engine) == ([], [])


def test_more_than_one_look_hands_out_are_told_each_once(messenger: Messenger, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in {"FIRST": 2, "AT_ONCE": 3, "WINDOW": 4, "MOST_KNOWN": 5}.items():
        monkeypatch.setattr(task_changes, name, number)
    made = [asked(messenger, TaskKind.REPORT, user_id=[USER, ANOTHER_USER][number % 2]) for number in range(10)]
    changes, seen = TaskChanges(None, EPOCH), []
    while found := changes.look(messenger.engine).tasks:
        assert len(found) <= 3
        seen += [one.id for one in found]
    assert seen == made
    assert len(changes.known) == 10, "those of the last minute are known, or they would come again"


def test_ended_ones_are_found_by_when_they_ended(messenger: Messenger) -> None:
    task_id = asked(messenger, TaskKind.REPORT)
    changes = TaskChanges(USER, None)
    changes.look(messenger.engine)
    end(messenger)
    (found,) = changes.look(messenger.engine).tasks
    assert (found.id, found.state) == (task_id, TaskState.FAILED)
    again = TaskChanges(USER, found.updated_at - timedelta(microseconds=1))
    assert [one.id for one in again.look(messenger.engine).tasks] == [task_id]


@pytest.mark.parametrize("said", ["x", "-1", str(2**63)])
def test_an_id_that_is_none_is_refused(client: TestClient, said: str) -> None:
    answer = client.get(EVENTS, headers={"Last-Event-ID": said})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")


def test_others_tasks_are_for_admins(client: TestClient, engine: Engine) -> None:
    answer = client.get(EVENTS, params={"user_id": "all"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    client.headers.update(bearer(new_key(engine, Scope.ADMIN)))
    assert client.head(EVENTS, params={"user_id": "all"}).status_code == 200
