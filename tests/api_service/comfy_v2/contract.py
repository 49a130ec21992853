"""What the contract says of bodies: the models that the SDK ships, which are made from the contract, held strictly."""

from typing import Any, TypeVar

import httpx
from comfy_low.models import ErrorEnvelope, Job
from pydantic import BaseModel
from starlette.testclient import TestClient

M = TypeVar("M", bound=BaseModel)
JOBS = "/api/v2/jobs"


def held(model: type[M], body: Any) -> M:
    """The body as the contract has it: nothing it requires is left out, and nulls only where it allows them."""
    required = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
    assert required <= set(body), f"{required - set(body)} are missing"
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
