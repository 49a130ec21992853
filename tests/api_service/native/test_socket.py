"""`/ws`: a client hears of its prompts one after another, of each end after it can be read, and of no lost attempt."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import NodeFailed
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType
from tests.api_service.conftest import bearer, new_key
from tests.api_service.native.prompts import (
    about,
    begun,
    completed,
    ended,
    posted,
    progress,
    told,
    until,
    until_remaining,
)
from tests.api_service.quick_api import QUICK
from tests.jobs import claimed_again, submitted
from tests.simulator.graphs import noise

ONE_RUN = [
    *("execution_start", "execution_cached", "executing", "executing", "executing", "executed"),
    *("execution_success", "executing"),
]


def done(prompt_id: str) -> dict[str, Any]:
    return {"node": None, "prompt_id": prompt_id}


def test_a_prompt_is_told_from_its_start_to_its_end_and_then_how_many_remain(
    client: TestClient, messenger: Messenger
) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        assert told(socket) == ("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "me"})
        prompt_id = posted(client, client_id="me")
        until_remaining(socket, 1)
        claim = begun(messenger)
        messages = until(socket, "execution_cached")
        completed(messenger, claim)
        messages += until(socket, "executing", **done(prompt_id))
        # What is told is in the history by then, and no longer in the queue.
        assert prompt_id in client.get(f"/history/{prompt_id}").json()
        assert told(socket) == ("status", {"status": {"exec_info": {"queue_remaining": 0}}})
    assert about(messages, prompt_id) == ONE_RUN


def test_progress_is_told_of_the_node_at_work(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/api/ws?clientId=me") as socket:
        prompt_id = posted(client, client_id="me")
        claim = begun(messenger)
        until(socket, "execution_cached")
        progress(messenger, claim, 1, "2", 3, 20)
        messages = until(socket, "progress")
        completed(messenger, claim)
        messages += until(socket, "executing", **done(prompt_id))
    assert [data for kind, data in messages if kind == "progress"] == [
        {"value": 3, "max": 20, "prompt_id": prompt_id, "node": "2"}
    ]
    assert [data["node"] for kind, data in messages if kind == "executing"] == ["1", "2", "9", None], (
        "what a node needs comes before it"
    )


def test_prompts_of_one_client_are_told_one_after_another(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        first, second = (posted(client, client_id="me") for _ in range(2))
        claims = [begun(messenger) for _ in range(2)]
        completed(messenger, claims[1])  # the second ends first
        progress(messenger, claims[0], 1, "1")
        messages = until(socket, "executing", node="1")
        completed(messenger, claims[0])
        messages += until(socket, "executing", **done(second))
        messages += until_remaining(socket, 0)
    kinds = [(data["prompt_id"], kind) for kind, data in messages if kind.startswith("execut")]
    order = [prompt_id for prompt_id, _ in kinds]
    assert order == sorted(order, key=[first, second].index)
    assert about(messages, first) == about(messages, second) == ONE_RUN


def test_none_remain_only_when_all_are_told(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        first, second = (posted(client, client_id="me") for _ in range(2))
        for claim in [begun(messenger), begun(messenger)]:
            completed(messenger, claim)
        messages = until(socket, "executing", **done(second))
    left = [data["status"]["exec_info"]["queue_remaining"] for kind, data in messages if kind == "status"]
    assert left[0] == 0  # before there was any
    assert 0 not in left[1:]
    assert ("executing", done(first)) in messages


def test_a_lost_attempt_is_not_told(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        prompt_id = posted(client, client_id="me")
        completed(messenger, claimed_again(messenger, begun(messenger)))
        assert about(until(socket, "executing", **done(prompt_id)), prompt_id) == ONE_RUN


def test_a_failure_is_told_with_its_node(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        prompt_id = posted(client, client_id="me")
        claim = begun(messenger)
        with messenger.transaction() as session:
            lifecycle.fail(session, claim.lease, NodeFailed("2", "ImageAddNoise", "ValueError", "no noise"))
        messages = until(socket, "executing", **done(prompt_id))
    (error,) = [data for kind, data in messages if kind == "execution_error"]
    assert (error["node_id"], error["exception_type"]) == ("2", "ValueError")


def test_an_interrupted_prompt_is_told_as_such(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        prompt_id = posted(client, client_id="me")
        claim = begun(messenger)
        client.post("/interrupt")
        with messenger.transaction() as session:
            lifecycle.confirm_cancel(session, claim.lease)
        messages = until(socket, "executing", **done(prompt_id))
    assert "execution_interrupted" in about(messages, prompt_id)


def test_of_a_prompt_that_is_deleted_while_it_waits_only_the_number_is_told(client: TestClient) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        prompt_id = posted(client, client_id="me")
        messages = until_remaining(socket, 1)
        client.post("/queue", json={"delete": [prompt_id]})
        messages += until_remaining(socket, 0)
    assert about(messages, prompt_id) == []


def test_who_comes_late_is_told_an_end_of_the_last_minute_once(client: TestClient, messenger: Messenger) -> None:
    prompt_id = ended(client, messenger, client_id="me")
    with client.websocket_connect("/ws?clientId=me") as socket:
        assert told(socket)[1]["status"]["exec_info"]["queue_remaining"] == 1
        assert about(until(socket, "executing", **done(prompt_id)), prompt_id) == ONE_RUN
        until_remaining(socket, 0)
    with client.websocket_connect("/ws?clientId=me") as socket:
        assert told(socket)[1]["status"]["exec_info"]["queue_remaining"] == 0


def test_what_ended_long_ago_is_told_to_nobody(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    ended(client, messenger, client_id="me")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE generation_jobs SET completed_at = now() - :ago"), {"ago": timedelta(minutes=2)}
        )
    with client.websocket_connect("/ws?clientId=me") as socket:
        assert told(socket)[1]["status"]["exec_info"]["queue_remaining"] == 0


def test_who_comes_in_the_middle_is_told_from_the_start(client: TestClient, messenger: Messenger) -> None:
    prompt_id = posted(client, client_id="me")
    claim = begun(messenger)
    with client.websocket_connect("/ws?clientId=me") as socket:
        messages = until(socket, "execution_cached")
        completed(messenger, claim)
        messages += until(socket, "executing", **done(prompt_id))
    assert about(messages, prompt_id) == ONE_RUN


def test_another_client_of_the_user_hears_numbers_alone_and_another_user_nothing(
    client: TestClient, messenger: Messenger, engine: Engine
) -> None:
    other = bearer(new_key(engine, another=True))
    with (
        client.websocket_connect("/ws?clientId=another") as another,
        client.websocket_connect("/ws?clientId=me", headers=other) as stranger,
    ):
        for socket in (another, stranger):
            told(socket)
        prompt_id = posted(client, client_id="me")
        messages = until_remaining(another, 1)
        completed(messenger, begun(messenger))
        messages += until_remaining(another, 0)
        assert about(messages, prompt_id) == []
        mine = client.post("/prompt", json={"prompt": noise(), "client_id": "me"}, headers=other).json()["prompt_id"]
        completed(messenger, begun(messenger))
        heard = until(stranger, "executing", **done(mine))
        assert {data["prompt_id"] for _, data in heard if "prompt_id" in data} == {mine}


def test_jobs_of_another_door_are_neither_told_nor_counted(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        told(socket)
        submitted(messenger)
        prompt_id = posted(client, client_id="me")
        assert told(socket) == ("status", {"status": {"exec_info": {"queue_remaining": 1}}})
        client.post("/queue", json={"delete": [prompt_id]})
        until_remaining(socket, 0)


def test_the_number_is_told_again_while_nothing_happens(settings: Settings, key: str) -> None:
    app = create_app(settings, replace(QUICK, native_status_s=0.05))
    with (
        TestClient(app, headers=bearer(key)) as client,
        client.websocket_connect("/ws?clientId=me") as socket,
    ):
        assert [told(socket)[0] for _ in range(3)] == ["status"] * 3


def test_what_a_client_understands_is_asked_of_its_first_word(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        told(socket)
        socket.send_text("no json")
        socket.send_text(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
        kind, data = told(socket)
        assert (kind, data) == ("feature_flags", client.get("/features").json())
        prompt_id = posted(client, client_id="me", extra_data={"preview_method": "auto"})
        claim = begun(messenger)
        until(socket, "execution_cached")
        preview(messenger, claim)
        frame = socket.receive_bytes()
    assert frame[:4] == b"\0\0\0\4"
    assert json.loads(frame[8 : 8 + int.from_bytes(frame[4:8])])["prompt_id"] == prompt_id


def test_a_preview_has_its_plain_form_for_who_said_nothing(client: TestClient, messenger: Messenger) -> None:
    with client.websocket_connect("/ws?clientId=me") as socket:
        posted(client, client_id="me", extra_data={"preview_method": "auto"})
        claim = begun(messenger)
        until(socket, "execution_cached")
        preview(messenger, claim)
        assert socket.receive_bytes() == b"\0\0\0\1\0\0\0\1\xff\xd8\xff"


def preview(messenger: Messenger, claim: Claim) -> None:
    data = {"media_type": "image/jpeg", "image": "/9j/"}
    for tick in (1, 2):
        event = Event.live(EventType.PREVIEW, claim.job, at=claim.job.updated_at, tick=tick, data=data)
        messenger.publish(event)


def test_without_a_name_it_is_given_one(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        assert len(told(socket)[1]["sid"]) == 32
