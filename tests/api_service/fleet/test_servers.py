"""An operator sees the servers as their rows have them, and has one take no more jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.jobs import lifecycle
from shared.jobs.errors import PromptLost
from shared.messaging.messenger import Messenger
from shared.models import Outcome, Scope, ServerCapabilities
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER, SERVER, answering, claimed, submitted

SERVERS = "/api/v1/servers"
CHECKPOINTS = ["a.safetensors", "b.safetensors"]
OBJECT_INFO = {
    "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [CHECKPOINTS, {"tooltip": "x"}]}}},
    "LoraLoader": {"input": {"required": {"model": ["MODEL"], "lora_name": ["COMBO", {"options": ["l"]}]}}},
    "VAELoader": {"input": {"required": {"vae_name": [[]]}}},
    "UpscaleModelLoader": {"input": {"required": {"model_name": "odd"}}},
}


@pytest.fixture
def admin(client: TestClient, messenger: Messenger) -> TestClient:
    client.headers.update(bearer(new_key(messenger.engine, Scope.ADMIN)))
    return client


def shown(admin: TestClient) -> dict[str, dict[str, Any]]:
    answer = admin.get(SERVERS)
    assert answer.status_code == 200, answer.text
    return {item["name"]: item for item in answer.json()["items"]}


def test_none_are_shown_where_none_was_seen(admin: TestClient) -> None:
    assert admin.get(SERVERS).json() == {"items": []}


def test_a_server_is_shown_with_its_slots_models_and_what_failed_there(admin: TestClient, messenger: Messenger) -> None:
    answering(messenger, slots=3)
    answering(messenger, ANOTHER, unreachable_since=datetime.now(UTC), problem="it does not answer")
    with messenger.transaction() as session:
        session.add(ServerCapabilities(server=SERVER, digest="0", object_info=OBJECT_INFO))
    submitted(messenger)
    assert claimed(messenger) is not None
    submitted(messenger)
    claim = claimed(messenger)
    assert claim is not None
    with messenger.transaction() as session:
        lifecycle.retry(session, claim.lease, PromptLost(SERVER, "p"), Outcome.RETRIED, timedelta(hours=1))
    found = shown(admin)
    assert list(found) == sorted([SERVER, ANOTHER])
    well, gone = found[SERVER], found[ANOTHER]
    assert (well["state"], well["version"], well["slots"]) == ("up", "0.8.0", {"total": 3, "used": 1})
    assert well["models"] == {"checkpoints": 2, "loras": 1, "vaes": 0}
    assert well["loaded_checkpoint"] == claim.job.checkpoint_model
    assert [(failure["code"], failure["count"]) for failure in well["recent_failures"]] == [("prompt_lost", 1)]
    assert (gone["state"], gone["problem"], gone["models"]) == ("unreachable", "it does not answer", {})
    assert gone["recent_failures"] == []


def test_a_drained_server_gets_no_jobs_until_it_is_resumed(admin: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    submitted(messenger)
    for _ in range(2):
        answer = admin.post(f"{SERVERS}/drain", json={"server": f"{SERVER}/"})
        assert (answer.status_code, answer.json()["state"], answer.json()["draining"]) == (200, "draining", True)
    assert claimed(messenger) is None
    assert shown(admin)[SERVER]["state"] == "draining"
    answer = admin.post(f"{SERVERS}/resume", json={"server": SERVER})
    assert (answer.json()["state"], answer.json()["draining"]) == ("up", False)
    assert claimed(messenger) is not None


@pytest.mark.parametrize("deed", ["drain", "resume"])
def test_a_server_that_nobody_saw_is_not_found(admin: TestClient, deed: str) -> None:
    answer = admin.post(f"{SERVERS}/{deed}", json={"server": "http://nowhere"})
    assert (answer.status_code, answer.json()["code"]) == (404, "server_not_found")
    answer = admin.post(f"{SERVERS}/{deed}", json={})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "server")


@pytest.mark.parametrize("deed", ["drain", "resume"])
def test_a_name_that_no_server_can_have_is_refused_by_field(admin: TestClient, deed: str) -> None:
    answer = admin.post(f"{SERVERS}/{deed}", json={"server": "http://gpu\0"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "server")


def test_only_admins_see_and_drain_servers(client: TestClient) -> None:
    answers = [client.get(SERVERS), client.post(f"{SERVERS}/drain", json={"server": SERVER})]
    assert [answer.status_code for answer in answers] == [403, 403]


def test_a_wedged_server_does_not_count_as_well(client: TestClient, messenger: Messenger) -> None:
    answering(messenger, wedged_since=datetime.now(UTC))
    assert client.get("/health/ready").json()["comfyui"]["ok"] is False


def test_what_each_probe_found_last_is_shown_the_latest_first(admin: TestClient, messenger: Messenger) -> None:
    early, late = "2026-01-01T12:00:00+00:00", "2026-01-01T12:00:05+00:00"
    probes = {
        "runs": {"at": early, "outcome": "refused", "problem": "no such node"},
        "answers": {"at": late, "outcome": "passed", "problem": None},
        "of a newer worker": {"at": late, "outcome": "odd"},
    }
    answering(messenger, probes=probes, foreign_prompts=6, stuck_since=datetime.now(UTC))
    found = shown(admin)[SERVER]
    assert [(probe["kind"], probe["outcome"], probe["problem"]) for probe in found["probes"]] == [
        ("answers", "passed", None),
        ("runs", "refused", "no such node"),
    ]
    assert (found["state"], found["foreign_prompts"], found["unfit_since"]) == ("up", 6, None)
    assert found["stuck_since"]


def test_a_server_is_resumed_whatever_keeps_it_from_jobs(admin: TestClient, messenger: Messenger) -> None:
    moments = ("draining_since", "wedged_since", "unfit_since", "stuck_since", "opened_at", "open_until")
    later = datetime.now(UTC) + timedelta(minutes=1)
    answering(messenger, problem="it runs nothing", **dict.fromkeys(moments, later))
    assert shown(admin)[SERVER]["state"] == "unfit"
    answer = admin.post(f"{SERVERS}/resume", json={"server": SERVER})
    assert (answer.status_code, answer.json()["state"], answer.json()["problem"]) == (200, "up", None)
    assert claimed(messenger) is None
    submitted(messenger)
    assert claimed(messenger) is not None


def test_one_that_is_resumed_while_it_is_away_stays_away(admin: TestClient, messenger: Messenger) -> None:
    answering(messenger, unreachable_since=datetime.now(UTC), problem="refused", wedged_since=datetime.now(UTC))
    answer = admin.post(f"{SERVERS}/resume", json={"server": SERVER}).json()
    assert (answer["state"], answer["problem"], answer["wedged_since"]) == ("unreachable", "refused", None)
