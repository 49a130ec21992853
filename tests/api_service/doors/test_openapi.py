"""The OpenAPI document is valid, says all there is, and its examples are what the models take and give."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, RootModel
from starlette.routing import Route
from starlette.testclient import TestClient

from api_service.doors.comfy_v2 import examples
from api_service.doors.comfy_v2 import routes as comfy_v2
from api_service.doors.native.routes import ROUTES as NATIVE
from api_service.doors.openai import examples as openai_examples
from api_service.doors.openai import routes as openai
from api_service.doors.pages.routes import PAGES
from api_service.http.operations import Nothing
from api_service.routes import EXAMPLES, OPERATIONS, ROUTES
from api_service.routes import document as ours

ROOT = Path(__file__).parents[3]
# Doors with a document of their own, by where that is.
COMFY_V2, OPENAI = (f"{door.PREFIX}openapi.json" for door in (comfy_v2, openai))
DOCUMENTS = {"/", "/openapi.json", "/docs", "/docs/page.js", COMFY_V2, OPENAI}
FILES = {"/pages/{name:path}", *PAGES, *(f"{page}/" for page in PAGES)}
ALL_EXAMPLES = {**EXAMPLES, **examples.EXAMPLES, **openai_examples.EXAMPLES}
EACH = {"/openapi.json": ours, COMFY_V2: comfy_v2.document, OPENAI: openai.document}


@pytest.fixture(params=EACH)
def served_at(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(served_at: str) -> dict[str, Any]:
    return EACH[served_at]()


@pytest.mark.broad  # it reads each document for a second
def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_it_has_every_route_but_its_own(document: dict[str, Any], served_at: str) -> None:
    routes = [route for route in ROUTES if isinstance(route, Route) and route.path not in DOCUMENTS | FILES]
    routes = [route for route in routes if route not in NATIVE]  # ComfyUI's own API is described by ComfyUI
    routes = [route for route in routes if document_of(route) == served_at]
    routed = {(route.path.replace(":path}", "}"), method.lower()) for route in routes for method in methods_of(route)}
    assert routed == {(path, method) for path, methods in document["paths"].items() for method in methods}


def document_of(route: Route) -> str:
    """Where the route is described."""
    own = (door.PREFIX for door in (comfy_v2, openai))
    return next((f"{prefix}openapi.json" for prefix in own if route.path.startswith(prefix)), "/openapi.json")


def methods_of(route: Route) -> set[str]:
    """What it can be asked for; HEAD where that is all."""
    methods = route.methods or set()
    return methods - {"HEAD"} or methods


def test_operation_ids_are_unique_and_every_operation_explains_itself(document: dict[str, Any], served_at: str) -> None:
    database_away = "500" if served_at == COMFY_V2 else "503"
    found = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in found}) == len(found)
    for operation in found:
        assert operation["summary"]
        keyed = operation.get("security") != []
        assert ("Needs no key" not in operation["description"]) == keyed
        assert ({"401", "403", "429", "500", database_away} if keyed else {"500"}) <= operation["responses"].keys()


def test_every_operation_has_examples() -> None:
    operations = [*OPERATIONS, *comfy_v2.OPERATIONS, *openai.OPERATIONS]
    assert len(operations) > 100
    lacking = [
        (operation.name, model)
        for operation in operations
        for model in [operation.body, *(answer.model for answer in operation.answers.values())]
        if model not in {None, Nothing} and not ALL_EXAMPLES.get(model)
    ]
    assert not lacking


def test_each_example_is_what_its_model_takes() -> None:
    examples = [(model, example) for model, found in ALL_EXAMPLES.items() for example in found.values()]
    assert len(examples) > 100
    assert not [(model, example) for model, example in examples if not takes(model, example)]


def takes(model: type[BaseModel], example: dict[str, Any]) -> bool:
    """Whether a model keeps all that an example has. Raises ValidationError where it refuses it."""
    parsed = model.model_validate_json(json.dumps(example))
    if isinstance(parsed, RootModel):
        parsed = parsed.root
    return example.keys() <= parsed.model_dump().keys()


@pytest.mark.system
def test_it_is_served_and_printed_alike(client: TestClient) -> None:
    for path, document in ((path, made()) for path, made in EACH.items()):
        served = client.get(path, headers={"Authorization": ""})
        assert served.json() == json.loads(json.dumps(document))
    served = client.get("/openapi.json", headers={"Authorization": ""})
    printed = subprocess.run(
        [sys.executable, "-m", "api_service.openapi"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout) == served.json()


def test_swagger_ui_comes_from_our_own_files(client: TestClient) -> None:
    page = client.get("/docs", headers={"Authorization": ""})
    assert page.headers["content-type"].startswith("text/html")
    assert "://" not in page.text
    for path in ("/docs/page.js", "/docs/static/swagger-ui-bundle.js", "/docs/static/swagger-ui.css"):
        assert path in page.text
        assert client.get(path).status_code == 200
