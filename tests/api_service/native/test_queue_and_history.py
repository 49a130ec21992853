"""A prompt is in the queue until it has ended, in the history from then on, and its owner's alone in both."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed, PromptLost
from shared.messaging.messenger import Messenger
from shared.models import JobStatus, Outcome, OutputKind
from tests.api_service.conftest import bearer, new_key
from tests.api_service.native.prompts import begun, completed, ended, job_of, posted, put
from tests.jobs import claimed_again, submitted
from tests.simulator.graphs import noise


@pytest.fixture
def other(engine: Engine) -> dict[str, str]:
    """Sent by another user."""
    return bearer(new_key(engine, another=True))


def queue(client: TestClient, **headers: str) -> dict[str, list[str]]:
    found = client.get("/queue", headers=headers).json()
    return {name: [entry[1] for entry in entries] for name, entries in found.items()}


def remaining(client: TestClient, **headers: str) -> int:
    found: int = client.get("/prompt", headers=headers).json()["exec_info"]["queue_remaining"]
    return found


def place_of(client: TestClient, prompt_id: str) -> list[str]:
    """Where a prompt is now: of these, always in one."""
    found = [name for name, ids in queue(client).items() if prompt_id in ids]
    return found + (["history"] if prompt_id in client.get("/history").json() else [])


def test_it_goes_from_the_queue_into_the_history(client: TestClient, messenger: Messenger) -> None:
    prompt_id = posted(client, client_id="me")
    assert place_of(client, prompt_id) == ["queue_pending"]
    assert client.get(f"/history/{prompt_id}").json() == {}
    claim = begun(messenger)
    assert place_of(client, prompt_id) == ["queue_running"]
    completed(messenger, claim)
    assert place_of(client, prompt_id) == ["history"]
    assert remaining(client) == 0


def test_between_two_attempts_it_runs(client: TestClient, messenger: Messenger) -> None:
    prompt_id = posted(client)
    claim = begun(messenger)
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, PromptLost("x", "y"), Outcome.RETRIED, delay=timedelta(0))
    assert place_of(client, prompt_id) == ["queue_running"]
    assert remaining(client) == 1


def test_an_entry_of_the_queue_is_what_comfyui_has_there(client: TestClient) -> None:
    graph = noise()
    answer = client.post("/prompt", json={"prompt": graph, "client_id": "me"}).json()
    ((number, prompt_id, shown, extra, ends),) = client.get("/queue").json()["queue_pending"]
    assert (number, prompt_id, shown) == (answer["number"], answer["prompt_id"], graph)
    assert extra.keys() == {"client_id", "create_time"}
    assert ends == []  # no server has said which nodes are an end


def test_a_job_of_another_door_is_no_prompt(client: TestClient, messenger: Messenger) -> None:
    submitted(messenger)
    assert remaining(client) == 0
    assert queue(client) == {"queue_running": [], "queue_pending": []}


def test_others_see_nothing_of_it_and_can_do_nothing_to_it(
    client: TestClient, messenger: Messenger, other: dict[str, str]
) -> None:
    waits = posted(client)
    assert queue(client, **other) == {"queue_running": [], "queue_pending": []}
    assert remaining(client, **other) == 0
    client.post("/queue", json={"delete": [waits]}, headers=other)
    client.post("/queue", json={"clear": True}, headers=other)
    begun(messenger)
    client.post("/interrupt", headers=other)
    client.post("/interrupt", json={"prompt_id": waits}, headers=other)
    assert client.post(f"/jobs/{waits}/cancel", headers=other).json() == {"cancelled": False}
    assert job_of(messenger, waits).status == JobStatus.RUNNING
    assert client.get(f"/jobs/{waits}", headers=other).status_code == 404


def test_what_waits_is_deleted_and_what_runs_is_not(client: TestClient, messenger: Messenger) -> None:
    runs = posted(client)
    begun(messenger)
    waits, stays = posted(client), posted(client)
    client.post("/queue", json={"delete": [runs, waits, "nobody's"]})
    assert queue(client) == {"queue_running": [runs], "queue_pending": [stays]}
    assert place_of(client, waits) == []  # as in ComfyUI, it was never there
    assert job_of(messenger, waits).status == JobStatus.CANCELLED
    client.post("/queue", json={"clear": True})
    assert queue(client) == {"queue_running": [runs], "queue_pending": []}


def test_of_one_client_alone_what_waits_can_be_cleared(client: TestClient) -> None:
    posted(client, client_id="one")
    stays = posted(client, client_id="two")
    client.post("/queue", json={"clear": True, "client_id": "one"})
    assert queue(client)["queue_pending"] == [stays]


@pytest.mark.parametrize("how", ["body", "query", "socket"])
def test_an_interrupt_is_for_the_client_that_asks(client: TestClient, messenger: Messenger, how: str) -> None:
    mine, anothers = posted(client, client_id="mine"), posted(client, client_id="another")
    for _ in range(2):
        begun(messenger)
    match how:
        case "body":
            client.post("/interrupt", json={"client_id": "mine"})
        case "query":
            client.post("/interrupt?clientId=mine")
        case _:
            with client.websocket_connect("/ws?clientId=mine") as socket:
                socket.receive_text()
                client.post("/interrupt")
    assert job_of(messenger, mine).status == JobStatus.CANCELLING
    assert job_of(messenger, anothers).status == JobStatus.RUNNING


def test_an_interrupt_of_nobody_in_particular_ends_all_that_runs_of_the_caller(
    client: TestClient, messenger: Messenger
) -> None:
    runs = posted(client)
    begun(messenger)
    waits = posted(client)
    assert client.post("/interrupt", content=b"").status_code == 200
    assert job_of(messenger, runs).status == JobStatus.CANCELLING
    assert queue(client) == {"queue_running": [runs], "queue_pending": [waits]}


def test_what_is_interrupted_is_in_the_history_as_such(client: TestClient, messenger: Messenger) -> None:
    prompt_id = posted(client)
    claim = begun(messenger)
    assert client.post(f"/jobs/{prompt_id}/cancel").json() == {"cancelled": True}
    assert client.post(f"/jobs/{prompt_id}/cancel").json() == {"cancelled": False}
    with messenger.transaction() as session:
        lifecycle.confirm_cancel(session, claim.lease)
    status = client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1][0] == "execution_interrupted"


def test_a_failure_says_at_which_node_and_why(client: TestClient, messenger: Messenger) -> None:
    prompt_id = posted(client)
    claim = begun(messenger)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("2", "ImageAddNoise", "ValueError", "no noise"))
    kind, data = client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]["messages"][-1]
    assert kind == "execution_error"
    assert (data["node_id"], data["node_type"], data["exception_type"]) == ("2", "ImageAddNoise", "ValueError")
    assert "no noise" in data["exception_message"]
    assert client.get(f"/jobs/{prompt_id}").json()["execution_error"]["node_id"] == "2"


def test_outputs_stand_under_what_their_nodes_called_them(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    put(settings, tmp_path, "said.txt", b"a text")
    put(settings, tmp_path, "said.json", b"[1, 2]")
    said: dict[str, Any] = {"kind": OutputKind.TEXT, "type": None, "key": "text", "node_id": "7"}
    prompt_id = ended(
        client,
        messenger,
        {},
        {"filename": "film-job-1-1.mp4", "kind": OutputKind.VIDEO, "node_id": "8"},
        {**said, "filename": "a-job-1-2.txt", "path": "said.txt", "size_bytes": 6},
        {**said, "filename": "a-job-1-3.json", "path": "said.json", "size_bytes": 6, "kind": OutputKind.OTHER},
    )
    outputs = client.get(f"/history/{prompt_id}").json()[prompt_id]["outputs"]
    assert outputs["7"] == {"text": ["a text", [1, 2]]}
    assert outputs["8"]["animated"] == [True]
    assert outputs["9"]["images"][0].keys() == {"filename", "subfolder", "type"}


def test_the_history_is_paged_and_sent_once(client: TestClient, messenger: Messenger) -> None:
    first, second, third = (ended(client, messenger) for _ in range(3))
    whole = client.get("/history")
    assert list(whole.json()) == [first, second, third]
    assert list(client.get("/history?max_items=2").json()) == [second, third]
    assert list(client.get("/history?max_items=1&offset=1").json()) == [second]
    assert list(client.get(f"/history?prompt_id={first}").json()) == [first]
    assert client.get("/history?max_items=0").json() == {}
    assert client.get("/history", headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    fourth = ended(client, messenger)
    assert list(client.get("/history", headers={"If-None-Match": whole.headers["etag"]}).json())[-1] == fourth


def test_a_deleted_entry_is_hidden_and_its_job_stays(
    client: TestClient, messenger: Messenger, other: dict[str, str]
) -> None:
    first, second = ended(client, messenger), ended(client, messenger)
    client.post("/history", json={"delete": [first]}, headers=other)
    client.post("/history", json={"clear": True}, headers=other)
    assert len(client.get("/history").json()) == 2
    client.post("/history", json={"delete": [first]})
    assert list(client.get("/history").json()) == [second]
    assert client.get(f"/history/{first}").json() == {}
    assert job_of(messenger, first).status == JobStatus.COMPLETED
    client.post("/history", json={"clear": True})
    assert client.get("/history").json() == {}


def test_jobs_are_listed_as_newer_clients_read_them(client: TestClient, messenger: Messenger) -> None:
    extra = {"extra_pnginfo": {"workflow": {"id": "w"}}}
    done = ended(client, messenger, extra_data=extra)
    waits = posted(client)
    page = client.get("/jobs?limit=1").json()
    assert [job["id"] for job in page["jobs"]] == [waits]
    assert page["pagination"] == {"offset": 0, "limit": 1, "total": 2, "has_more": True}
    assert [job["id"] for job in client.get("/jobs?status=completed,failed").json()["jobs"]] == [done]
    assert [job["id"] for job in client.get("/jobs?workflow_id=w").json()["jobs"]] == [done]
    assert client.get("/jobs?sort_by=execution_duration&sort_order=asc").status_code == 200
    full = client.get(f"/jobs/{done}").json()
    assert (full["status"], full["outputs_count"], full["execution_status"]["completed"]) == ("completed", 1, True)


@pytest.mark.parametrize("query", ["status=bogus", "limit=0", "limit=x", "sort_by=x", "sort_order=x", "offset=x"])
def test_a_wrong_question_for_jobs_is_refused_as_comfyui_does(client: TestClient, query: str) -> None:
    answer = client.get(f"/jobs?{query}")
    assert (answer.status_code, answer.json().keys()) == (400, {"error"})


def test_several_jobs_are_cancelled_at_once(client: TestClient) -> None:
    ids = [posted(client) for _ in range(2)]
    assert client.post("/jobs/cancel", json={"job_ids": ids}).json() == {"cancelled": True}
    assert client.post("/jobs/cancel", json={"job_ids": "x"}).status_code == 400
    assert remaining(client) == 0


def test_an_attempt_that_was_lost_leaves_no_trace(client: TestClient, messenger: Messenger) -> None:
    prompt_id = posted(client)
    completed(messenger, claimed_again(messenger, begun(messenger)))
    messages = client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]["messages"]
    assert [kind for kind, _ in messages] == ["execution_start", "execution_cached", "execution_success"]
