"""What the contract says of answers: the models that the SDK ships, which are made from the contract, held strictly.

The contract itself is not copied here, since its licence is not stated. Where COMFY_CONTRACT names a file with it
(YAML), each answer of these tests is held to that too.
"""

import os
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml  # type: ignore[import-untyped]
from comfy_low.models import ErrorEnvelope, Job
from pydantic import BaseModel
from starlette.testclient import TestClient

from tests.api_service.comfy_v2.documents import Document, without_nullable

M = TypeVar("M", bound=BaseModel)
JOBS = "/api/v2/jobs"
ASSETS = "/api/v2/assets"

CONTRACT_FILE = os.environ.get("COMFY_CONTRACT")
CONTRACT = Document(without_nullable(yaml.safe_load(Path(CONTRACT_FILE).read_text()))) if CONTRACT_FILE else None


def held(model: type[M], body: Any) -> M:
    """The body as the contract has it: nothing it requires is left out, and nulls only where it allows them."""
    required = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(body), f"{required - set(body)} are missing"
    if CONTRACT is not None:
        CONTRACT.hold(body, {"$ref": f"#/components/schemas/{model.__name__}"})
    return model.model_validate(body)


def refused(response: httpx.Response | Any, status: int, code: str) -> Any:
    """The error of an answer that refuses, as it should."""
    assert response.status_code == status, response.text
    error = held(ErrorEnvelope, response.json()).error
    assert error.code == code, error
    assert response.headers["x-comfy-request-id"] == response.headers["x-request-id"]
    return error


def posted(client: TestClient, workflow: Any, **fields: Any) -> dict[str, Any]:
    """The job that was made of a workflow."""
    headers = fields.pop("headers", {})
    response = client.post(JOBS, json={"workflow": workflow, **fields}, headers=headers)
    assert response.status_code == 201, response.text
    held(Job, response.json())
    return response.json()  # type: ignore[no-any-return]
