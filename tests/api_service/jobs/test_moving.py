"""POST .../{id}/move: a queued job goes to the front or the back of its owner's jobs."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from tests.jobs import ANOTHER_USER, running, submitted

URL = "/api/v1/generation-jobs"


def moved(client: TestClient, job_id: int, to: object) -> Any:
    return client.post(f"{URL}/{job_id}/move", json={"to": to})


def place(client: TestClient, job_id: int) -> int:
    return int(client.get(f"{URL}/{job_id}").json()["queue"]["position"])


def test_a_job_goes_to_the_front_and_to_the_back(client: TestClient, messenger: Messenger) -> None:
    ids = [submitted(messenger) for _ in range(3)]
    assert moved(client, ids[2], "front").status_code == 200
    assert [place(client, one) for one in ids] == [2, 3, 1]
    assert moved(client, ids[2], "back").json()["id"] == ids[2]
    assert [place(client, one) for one in ids] == [1, 2, 3]


def test_only_a_queued_job_has_a_place(client: TestClient, messenger: Messenger) -> None:
    answer = moved(client, running(messenger).job.id, "front")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_movable")
    assert "it is running" in answer.json()["detail"]


def test_another_users_job_is_none(client: TestClient, messenger: Messenger) -> None:
    other = submitted(messenger, user_id=ANOTHER_USER)
    assert moved(client, other, "front").json()["code"] == "job_not_found"


@pytest.mark.parametrize("to", ["middle", None, 1])
def test_anywhere_else_is_refused_by_name(client: TestClient, messenger: Messenger, to: object) -> None:
    answer = moved(client, submitted(messenger), to)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to")
