"""A workflow may ask for the outputs of some of its nodes, and to be spared what is temporary."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus
from tests.api_service.submit.test_submitting import LEAST, URL
from tests.api_service.submit.test_workflows import WORKFLOW, post
from tests.jobs import job


def refused(response: Any) -> Any:
    """The errors of the fields, for which a request was refused."""
    assert (response.status_code, response.json()["code"]) == (422, "invalid_fields"), response.text
    return response.json()["errors"]


def test_every_output_is_kept_unless_some_are_asked_for(client: TestClient, messenger: Messenger) -> None:
    for body in (post(client, workflow=WORKFLOW).json(), client.post(URL, json=LEAST).json()):
        assert (body["output_nodes"], body["temp_outputs"], body["warnings"]) == (None, True, [])
        recorded = job(messenger, body["id"])
        assert (recorded.output_nodes, recorded.temp_outputs) == (None, True)


def test_what_is_asked_for_is_recorded_and_asked_for_again_by_a_retry(client: TestClient, messenger: Messenger) -> None:
    first = post(client, workflow=WORKFLOW, outputs=["9"], temp_outputs=False).json()
    assert (first["output_nodes"], first["temp_outputs"]) == (["9"], False)
    with messenger.transaction() as session:
        ended = update(GenerationJob).where(col(GenerationJob.id) == first["id"])
        session.exec(ended.values(status=JobStatus.FAILED))
    second = client.post(f"{URL}{first['id']}/retry").json()
    assert (second["output_nodes"], second["temp_outputs"]) == (["9"], False)


def test_a_dry_run_shows_what_is_asked_for(client: TestClient) -> None:
    planned = client.post(f"{URL}validate", json={"workflow": WORKFLOW, "outputs": ["9"]}).json()["job"]
    assert (planned["output_nodes"], planned["temp_outputs"]) == (["9"], True)


def test_a_node_that_the_workflow_does_not_have_is_refused_by_its_place(client: TestClient) -> None:
    (error,) = refused(post(client, workflow=WORKFLOW, outputs=["9", "99"]))
    assert (error["field"], error["code"]) == ("outputs[1]", "unknown_node")
    assert error["message"].startswith("node '99' is not in the workflow; did you mean '9'")
    (error,) = refused(client.post(f"{URL}bulk", json={"jobs": [LEAST, {"workflow": WORKFLOW, "outputs": ["x"]}]}))
    assert error["field"] == "jobs[1].outputs[0]"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"outputs": []}, "outputs"),
        ({"outputs": "9"}, "outputs"),
        ({"outputs": [9]}, "outputs[0]"),
        ({"outputs": ["9"] * 2001}, "outputs"),
        ({"temp_outputs": "no"}, "temp_outputs"),
    ],
)
def test_what_is_no_such_wish_is_refused(client: TestClient, wrong: dict[str, Any], field: str) -> None:
    assert [error["field"] for error in refused(post(client, workflow=WORKFLOW, **wrong))] == [field]


def test_many_unknown_nodes_are_named_up_to_a_bound(client: TestClient) -> None:
    errors = refused(post(client, workflow=WORKFLOW, outputs=[f"no-{number}" for number in range(2000)]))
    assert len(errors) == 100


def test_a_picture_from_words_has_one_output_and_takes_no_such_wish(client: TestClient) -> None:
    errors = refused(client.post(URL, json={**LEAST, "outputs": ["save"]}))
    assert [error["field"] for error in errors] == ["outputs"]
