"""A client of the Comfy API: each answer it gets is held to our document, and to the contract where there is one."""

from functools import cache
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.doors.comfy_v2.names.places import PREFIX
from api_service.doors.comfy_v2.routes import document
from tests.api_service.comfy_v2.contract import CONTRACT
from tests.api_service.comfy_v2.documents import Document

OF_ANY_ADDRESS = {404, 405}


@cache
def ours() -> Document:
    return Document(document())


def as_promised(response: Any) -> None:
    """Hold an answer to our document and to the contract. What refuses has the same form with any status."""
    if not response.request.url.path.startswith(PREFIX):
        return
    response.read()
    assert ours().hold_answer(response) or response.status_code in OF_ANY_ADDRESS, response.status_code
    if CONTRACT is not None and not CONTRACT.hold_answer(response) and response.status_code >= 400:
        CONTRACT.hold(response.json(), {"$ref": "#/components/schemas/ErrorEnvelope"})


@pytest.fixture
def client(client: TestClient) -> TestClient:
    client.event_hooks["response"].append(as_promised)
    return client
