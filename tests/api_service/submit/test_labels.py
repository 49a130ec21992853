"""A job may ask for labels that some server has, all of them together, and asks for them whenever it is run again."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.testclient import TestClient

from api_service.fleet.capability_cache import Capabilities, KnownServer
from api_service.fleet.check import fleet_check
from api_service.fleet.labels import label_errors
from shared.fleet.object_info import read_catalogue
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus
from shared.workflows.parameters import Params, TextToImage
from shared.workflows.text_to_image import text_to_image
from tests.api_service.submit.test_batches import BULK
from tests.api_service.submit.test_submitting import LEAST, URL
from tests.jobs import ANOTHER, SERVER, answering, job
from tests.object_infos import object_info


@pytest.fixture(autouse=True)
def labelled(messenger: Messenger) -> None:
    answering(messenger, SERVER, labels=["a100", "fast"])
    answering(messenger, ANOTHER, labels=["h100"])


def errors(client: TestClient, **values: Any) -> list[tuple[str, str, str]]:
    answer = client.post(URL, json={**LEAST, **values})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields"), answer.text
    return [(error["field"], error["code"], error["message"]) for error in answer.json()["errors"]]


def test_labels_are_recorded_shown_and_asked_for_by_a_retry(client: TestClient, messenger: Messenger) -> None:
    first = client.post(URL, json={**LEAST, "requires": ["fast", "a100", "fast"]}).json()
    assert first["requires"] == job(messenger, first["id"]).requires == ["a100", "fast"]
    assert client.get(f"{URL}{first['id']}").json()["requires"] == ["a100", "fast"]
    with messenger.transaction() as session:
        ended = update(GenerationJob).where(col(GenerationJob.id) == first["id"])
        session.exec(ended.values(status=JobStatus.FAILED))
    assert client.post(f"{URL}{first['id']}/retry").json()["requires"] == ["a100", "fast"]
    planned = client.post(f"{URL}validate", json={**LEAST, "requires": ["a100"]}).json()["job"]
    assert planned["requires"] == ["a100"]


def test_who_asks_for_none_gets_any_server(client: TestClient, messenger: Messenger) -> None:
    none: tuple[dict[str, Any], ...] = ({}, {"requires": []})
    for asked in none:
        body = client.post(URL, json={**LEAST, **asked}).json()
        assert body["requires"] is job(messenger, body["id"]).requires is None


def test_labels_that_no_server_has_are_refused_with_those_there_are(client: TestClient) -> None:
    there = "there are a100, fast, h100"
    assert errors(client, requires=["a10"]) == [
        ("requires", "unknown_label", f"no server has the label 'a10'; did you mean 'a100'?; {there}")
    ]
    assert errors(client, requires=["a100", "h100"]) == [
        ("requires", "unknown_label", f"no server has all of a100, h100 together; {there}")
    ]
    batch = client.post(BULK, json={"jobs": [LEAST, {**LEAST, "requires": ["b200"]}]})
    assert [error["field"] for error in batch.json()["errors"]] == ["jobs[1].requires"]


@pytest.mark.parametrize("wrong", ["a100", [1], ["A100"], ["a b"], [""], ["a" * 65], [f"l{n}" for n in range(17)]])
def test_what_is_no_list_of_labels_is_refused(client: TestClient, wrong: Any) -> None:
    ((field, _, message),) = errors(client, requires=wrong)
    assert field.startswith("requires")
    assert message


def test_what_servers_without_the_labels_can_do_does_not_count() -> None:
    able, other = (read_catalogue(object_info(checkpoints=[name])) for name in ("sd15", "xl"))
    fleet = Capabilities(
        (
            KnownServer("one", is_usable=True, catalogue=able),
            KnownServer("two", is_usable=True, catalogue=other, labels=frozenset({"a100"})),
        )
    )
    graph = text_to_image(TextToImage(prompt="a cat", checkpoint_model="sd15", params=Params(seed=1)))

    def name(node_id: str | None, part: str) -> str:
        return f"{node_id}.{part}"

    assert not fleet_check(graph, fleet, name).errors
    (error,) = fleet_check(graph, fleet.having(["a100"]), name).errors
    assert (error.code, error.message) == (
        "unknown_checkpoint",
        "no server with the label a100 has the checkpoint 'sd15'",
    )
    assert label_errors(["a100"], fleet) == []
    assert label_errors(["x"], Capabilities())[0].message == "no server has the label 'x'; no server has a label"
