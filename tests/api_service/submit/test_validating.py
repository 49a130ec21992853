"""POST .../validate: what submitting would run, or its refusal; and nothing is recorded."""

from typing import Any

import pytest
from sqlalchemy import Engine, func
from sqlmodel import select
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobEvent, Scope
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image
from tests.api_service.conftest import bearer, new_key
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.api_service.submit.test_workflows import WORKFLOW

VALIDATE = f"{URL}validate"


def test_a_picture_is_shown_as_it_would_be_run(client: TestClient) -> None:
    response = client.post(VALIDATE, json={**LEAST, "sampler_params": {"steps": 9}, "priority": 7})
    assert response.status_code == 200
    body = response.json()
    assert body["valid"] is True
    assert "no server has reported its capabilities yet" in body["notes"][0]
    planned = body["job"]
    assert (planned["job_type"], planned["priority"], planned["run_after"]) == ("image", 7, None)
    assert (planned["parameters"]["width"], planned["parameters"]["params"]["steps"]) == (832, 9)
    parameters = TextToImage.model_validate_json(TextToImage(**planned["parameters"]).model_dump_json())
    assert planned["workflow"] == text_to_image(parameters)
    assert planned["workflow"]["sampler"]["inputs"]["seed"] == -1


def test_a_workflow_is_shown_as_it_would_be_sent(client: TestClient) -> None:
    planned = client.post(VALIDATE, json={"workflow": WORKFLOW, "delay_seconds": 60}).json()["job"]
    assert (planned["job_type"], planned["parameters"], planned["workflow"]) == ("workflow", None, WORKFLOW)
    assert planned["run_after"] is not None


def test_the_key_of_the_work_is_the_one_that_is_recorded(client: TestClient, messenger: Messenger) -> None:
    planned = client.post(VALIDATE, json=LEAST).json()["job"]
    submitted = client.post(URL, json=LEAST).json()
    with messenger.transaction() as session:
        assert session.get_one(GenerationJob, submitted["id"]).workflow_key == planned["workflow_key"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**LEAST, "width": 65},
        {**LEAST, "deadline_seconds": 1, "delay_seconds": 1},
        {**LEAST, "workflow": WORKFLOW},
        {"workflow": {}},
        {"workflow": {"1": {}}},
        {"workflow": {"nodes": []}},
    ],
)
def test_what_would_be_refused_is_refused_in_the_same_words(client: TestClient, body: dict[str, Any]) -> None:
    problem = refused(client.post(VALIDATE, json=body), 422, "invalid_fields")
    assert problem == client.post(URL, json=body).json()


def test_nothing_is_recorded(client: TestClient, messenger: Messenger) -> None:
    for body in (LEAST, {"workflow": WORKFLOW}, {}):
        client.post(VALIDATE, json=body, headers={"Idempotency-Key": "k"})
    with messenger.transaction() as session:
        for table in (GenerationJob, JobEvent):
            assert session.exec(select(func.count()).select_from(table)).one() == 0


def test_it_takes_a_key_that_may_submit(client: TestClient, engine: Engine) -> None:
    reader = bearer(new_key(engine, Scope.READ))
    for path in ("", "validate", "bulk", "1/retry"):
        refused(client.post(f"{URL}{path}", json=LEAST, headers=reader), 403, "forbidden")
