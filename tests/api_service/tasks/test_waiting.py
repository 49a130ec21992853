"""`Prefer: wait=N`: the answer about a task comes with its end, or when nobody may or can wait any longer."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from shared.accounts.keys import revoke_key
from shared.messaging.messenger import Messenger
from shared.models import Task, TaskKind
from tests.tasks import asked, done
from tests.worker_service.waiting import until

TASKS = "/api/v1/tasks"


def test_an_answer_can_wait_for_the_end(client: TestClient, messenger: Messenger, tmp_path: Path) -> None:
    task_id = asked(messenger, TaskKind.DELETE_JOBS)
    at_once = client.get(f"{TASKS}/{task_id}", headers={"Prefer": "wait=0"})
    assert (at_once.json()["state"], at_once.headers["preference-applied"]) == ("waiting", "wait=0")
    worker = threading.Timer(0.2, done, [messenger, tmp_path, task_id])
    worker.start()
    assert client.get(f"{TASKS}/{task_id}", headers={"Prefer": "wait=30"}).json()["state"] == "completed"
    worker.join()


@contextmanager
def waited_for(client: TestClient, address: str) -> Iterator[Future[Any]]:
    """The answer to come of somebody who waits for a task."""
    relay: Any = client.app_state["services"].relay
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.get, address, headers={"Prefer": "wait=60"})
        until(lambda: bool(relay.watchers))
        yield waiting
    assert not relay.watchers


def test_who_waits_for_one_that_is_deleted_is_told_so(client: TestClient, messenger: Messenger) -> None:
    task_id = asked(messenger, TaskKind.REPORT)
    with waited_for(client, f"{TASKS}/{task_id}") as waiting:
        with messenger.transaction() as session:
            session.delete(session.get_one(Task, task_id))
        answer = waiting.result(timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (404, "task_not_found")


def test_nobody_waits_any_longer_than_the_key_is_good(client: TestClient, messenger: Messenger, key: str) -> None:
    task_id = asked(messenger, TaskKind.REPORT)
    with waited_for(client, f"{TASKS}/{task_id}") as waiting:
        with messenger.transaction() as session:
            revoke_key(session, key.split("_")[1])
        assert waiting.result(timeout=30).json()["state"] == "waiting"
