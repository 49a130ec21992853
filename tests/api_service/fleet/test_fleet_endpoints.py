"""Clients see which models and node classes there are, and a job that can never run is refused as it is submitted."""

from typing import Any

import pytest
from sqlmodel import func, select
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER, SERVER
from tests.object_infos import RECORDED, Page, object_info, page, publish

URL = "/api/v1/generation-jobs/"
JOB: dict[str, Any] = {"prompt": "a cat", "checkpoint_model": "sd15.safetensors"}
SD15 = object_info(checkpoints=["sd15.safetensors"], loras=["a"])
XL = object_info(checkpoints=["xl.safetensors"], loras=["a", "b"], samplers=["special"])


@pytest.fixture
def fleet(messenger: Messenger) -> None:
    """One server that answers, and one that does not."""
    publish(messenger, SD15, SERVER)
    publish(messenger, XL, ANOTHER, seconds_ago=3600)


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("checkpoints", [("sd15.safetensors", 1, True), ("xl.safetensors", 1, False)]),
        ("loras", [("a", 2, True), ("b", 1, False)]),
        ("vaes", [("pixel_space", 2, True)]),
    ],
)
def test_models_are_listed_with_how_many_servers_have_them(client: TestClient, kind: str, expected: Any) -> None:
    body = client.get(f"/api/v1/models/{kind}").json()
    assert (body["kind"], body["unknown_servers"]) == (kind, 0)
    assert [(model["name"], model["servers"], model["available"]) for model in body["items"]] == expected


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(("kind", "name"), [("samplers", "euler"), ("schedulers", "karras")])
def test_samplers_and_schedulers_are_listed_too(client: TestClient, kind: str, name: str) -> None:
    models = client.get(f"/api/v1/models/{kind}").json()["items"]
    assert {"name": name, "servers": 2, "available": True} in models
    if kind == "samplers":
        assert {"name": "special", "servers": 1, "available": False} in models


def test_with_no_server_no_model_is_known(client: TestClient) -> None:
    assert client.get("/api/v1/models/checkpoints").json() == {
        "kind": "checkpoints",
        "items": [],
        "unknown_servers": 0,
    }


def listing(*names: str) -> Page:
    return page({"unet_name": [list(names)], "name": ["COMBO", {"options": list(names)}]})


def test_models_of_every_folder_are_listed_that_some_class_names(client: TestClient, messenger: Messenger) -> None:
    classes = {"UNETLoader": listing("flux", "wan"), "ModelPatchLoader": listing("patch")}
    publish(messenger, object_info(classes=classes), SERVER)
    publish(messenger, object_info(classes={"UnetLoaderGGUF": listing("flux-q4", "flux")}), ANOTHER)
    for kind, names in (
        ("diffusion_models", [("flux", 2), ("flux-q4", 1), ("wan", 1)]),
        ("model_patches", [("patch", 1)]),
        ("vae", [("pixel_space", 2)]),
    ):
        body = client.get(f"/api/v1/models/{kind}").json()
        assert body["kind"] == kind
        assert [(model["name"], model["servers"]) for model in body["items"]] == names
    for kind in ("controlnet", "upscale_models"):
        response = client.get(f"/api/v1/models/{kind}")
        assert (response.status_code, response.json()["code"]) == (404, "kind_not_found")
        assert "samplers, schedulers, vae, diffusion_models" in response.json()["detail"]


def test_embeddings_are_those_of_all_servers(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info(), SERVER, embeddings=["easynegative", "style/ink"])
    publish(messenger, object_info(), ANOTHER, embeddings=["easynegative", "bad-hands"])
    items = client.get("/api/v1/models/embeddings").json()["items"]
    assert [(one["name"], one["servers"]) for one in items] == [("bad-hands", 1), ("easynegative", 2), ("style/ink", 1)]
    for path in ("/embeddings", "/api/embeddings", "/models/embeddings"):
        assert client.get(path).json() == ["bad-hands", "easynegative", "style/ink"]
    assert "embeddings" in client.get("/models").json()


@pytest.mark.parametrize("kind", ["checkpoint", "Checkpoints", "unets", "%00", "..", "a%2Fb"])
def test_another_kind_is_not_found(client: TestClient, kind: str) -> None:
    response = client.get(f"/api/v1/models/{kind}")
    assert response.status_code == 404
    if kind == "checkpoint":
        assert response.json()["code"] == "kind_not_found"
        assert "checkpoints, loras, vaes, samplers, schedulers" in response.json()["detail"]


@pytest.mark.usefixtures("fleet")
def test_a_node_class_is_shown_with_what_it_takes_and_gives(client: TestClient) -> None:
    body = client.get("/api/v1/nodes/KSampler").json()
    assert (body["name"], body["outputs"], body["output_node"], body["custom"]) == (
        "KSampler",
        ["LATENT"],
        False,
        False,
    )
    assert (body["servers"], body["available"]) == (2, True)
    inputs = {one["name"]: one for one in body["inputs"]}
    assert inputs.keys() == RECORDED["KSampler"]["input"]["required"].keys()
    assert inputs["seed"] == {
        "name": "seed",
        "type": "INT",
        "required": True,
        "choices": None,
        "minimum": 0,
        "maximum": 2**64 - 1,
    }
    assert "special" not in inputs["sampler_name"]["choices"], "as the server has it that answers"
    assert inputs["model"]["type"] == "MODEL"


def test_a_node_class_that_only_a_server_that_is_away_has_is_shown_as_such(
    client: TestClient, messenger: Messenger
) -> None:
    classes = {"Odd|one (v2)": page({"x": [["a", 1, 2.5, True]]}, {"y": ["*"]}, python_module="custom_nodes.odd")}
    publish(messenger, object_info(classes=classes), ANOTHER, seconds_ago=60)
    publish(messenger, object_info())
    body = client.get("/api/v1/nodes/Odd|one (v2)").json()
    assert (body["custom"], body["servers"], body["available"]) == (True, 1, False)
    assert [(one["name"], one["required"], one["choices"]) for one in body["inputs"]] == [
        ("x", True, ["a", 1, 2.5, True]),
        ("y", False, None),
    ]


@pytest.mark.usefixtures("fleet")
def test_an_unknown_node_class_is_not_found_and_those_like_it_are_named(client: TestClient) -> None:
    response = client.get("/api/v1/nodes/Ksampler")
    assert (response.status_code, response.json()["code"]) == (404, "node_class_not_found")
    assert response.json()["detail"].startswith("no server has the node class 'Ksampler'; did you mean 'KSampler' or ")


@pytest.mark.parametrize("path", ["/api/v1/models/loras", "/api/v1/nodes/KSampler"])
def test_both_need_a_key_that_may_read(client: TestClient, messenger: Messenger, path: str) -> None:
    assert client.get(path, headers={"Authorization": ""}).status_code == 401
    writer = new_key(messenger.engine, Scope.WRITE)
    assert client.get(path, headers=bearer(writer)).status_code == 403
    assert client.head("/api/v1/models/loras").status_code == 200


@pytest.mark.usefixtures("fleet")
def test_a_job_that_nobody_can_run_is_refused_and_not_recorded(client: TestClient, messenger: Messenger) -> None:
    body = {**JOB, "checkpoint_model": "sd1.5.safetensors", "sampler_params": {"sampler_name": "eular"}}
    response = client.post(URL, json=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [
        ("checkpoint_model", "unknown_checkpoint"),
        ("sampler_params.sampler_name", "unknown_sampler"),
    ]
    assert "did you mean 'sd15.safetensors'" in str(problem["errors"])
    with messenger.transaction() as session:
        assert session.exec(select(func.count()).select_from(GenerationJob)).one() == 0


@pytest.mark.usefixtures("fleet")
def test_a_job_that_a_server_can_run_is_accepted_without_a_note(client: TestClient) -> None:
    response = client.post(URL, json=JOB)
    assert (response.status_code, response.json()["notes"]) == (201, [])


@pytest.mark.usefixtures("fleet")
def test_a_job_for_a_server_that_is_away_is_accepted_with_a_note(client: TestClient) -> None:
    response = client.post(URL, json={**JOB, "checkpoint_model": "xl.safetensors", "lora_models": [{"name": "b"}]})
    assert response.status_code == 201
    (note,) = response.json()["notes"]
    assert "only an offline server can run this" in note


def test_a_job_that_could_not_be_checked_is_accepted_with_a_note(client: TestClient) -> None:
    response = client.post(URL, json=JOB)
    assert response.status_code == 201
    (note,) = response.json()["notes"]
    assert "no server has reported its capabilities yet" in note
