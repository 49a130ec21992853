"""What Swagger UI offers to send works as it is, on the servers that `make up` starts."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.doors.v1.jobs.bodies import BatchBody, JobBody
from api_service.routes import OPERATIONS, document
from deploy.simulator.__main__ import CHECKPOINTS, LORAS
from shared.messaging.messenger import Messenger
from tests.object_infos import object_info, publish

POSTING = [operation for operation in OPERATIONS if operation.body in {JobBody, BatchBody}]


@pytest.mark.parametrize("operation", POSTING, ids=[operation.name for operation in POSTING])
def test_each_example_of_a_job_is_accepted(client: TestClient, messenger: Messenger, operation: Any) -> None:
    publish(messenger, object_info(checkpoints=CHECKPOINTS, loras=LORAS))
    content = document()["paths"][operation.path]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"]
    for name, example in content["examples"].items():
        answer = client.post(operation.path, json=example["value"])
        assert answer.is_success, (name, answer.text)
        jobs = answer.json().get("jobs", [answer.json()])
        assert not [job["notes"] for job in jobs if job["notes"]], f"{name} runs at once"


@pytest.mark.parametrize("name", ["showNodeClass", "listModels"])
def test_each_example_of_a_path_names_what_the_servers_have(
    client: TestClient, messenger: Messenger, name: str
) -> None:
    publish(messenger, object_info(checkpoints=CHECKPOINTS, loras=LORAS))
    (path,) = [operation.path for operation in OPERATIONS if operation.name == name]
    parameters = document()["paths"][path]["get"]["parameters"]
    example = {one["name"]: one["example"] for one in parameters if one["in"] == "path"}
    assert client.get(path.format(**example)).status_code == 200


def test_authorize_says_what_to_paste_and_where_to_get_it() -> None:
    text = document()["components"]["securitySchemes"]["key"]["description"]
    for words in ("`gn_`", 'without "Bearer"', "`make up`", "api_service.accounts.keys create"):
        assert words in text
