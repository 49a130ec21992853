"""What an operator forbids is refused by field, and so is a path that leaves ComfyUI's folders."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.doors.v1.jobs.field_names import field_name
from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.check import MOST_ERRORS
from api_service.main import create_app
from api_service.submit.checks import check_one
from api_service.submit.job_request import JobOptions, JobRequest
from shared.configuration.settings import load_settings
from shared.fleet.fence import OPEN, Fence
from shared.messaging.messenger import Messenger
from shared.workflows.parameters import TextToImage
from tests.api_service.conftest import bearer
from tests.api_service.fleet.test_fleet_check import asked, fleet
from tests.api_service.quick_api import QUICK
from tests.api_service.submit.test_resubmitting import retry
from tests.object_infos import object_info, page, publish
from tests.shared.fleet.test_replacements import INFO, SAID
from tests.simulator.graphs import node, txt2img

URL = "/api/v1/generation-jobs/"
CUSTOM = "custom_nodes.any"
CLASSES = {
    "LoadAny": page({"path": ["STRING"]}, {"text": ["STRING"]}, python_module=CUSTOM, output_node=True),
    "Pick": page({"file": [["a.png", "/mnt/b.png"]]}, python_module=CUSTOM, output_node=True),
    "Many": page({"files": ["COMBO", {"options": [], "multiselect": True}]}, python_module=CUSTOM, output_node=True),
    "Grow": page(
        {
            "mode": [
                "COMFY_DYNAMICCOMBO_V3",
                {"options": [{"key": "folder", "inputs": {"required": {"directory": ["STRING", {}]}}}]},
            ]
        },
        python_module=CUSTOM,
        output_node=True,
    ),
    "PrimitiveString": page({"value": ["STRING"]}, output=["STRING"]),
    "Join": page({"a": ["STRING"]}, output=["STRING"]),
}
FLEET = fleet(object_info(classes=CLASSES))


def refusals(
    graph: dict[str, Any] | TextToImage, fence: Fence = OPEN, capabilities: Capabilities = FLEET
) -> dict[str, str]:
    """What the rules forbid of a graph: the message by the field."""
    job = JobRequest.of(graph, JobOptions()) if isinstance(graph, TextToImage) else JobRequest(graph)
    errors = check_one(job, capabilities, field_name, fence).errors
    return {one.field: one.message for one in errors if one.code in {"node_not_allowed", "path_outside"}}


@pytest.mark.parametrize("denied", ["KSampler", "KS*", "*Sampler", "?Sampler", "[JK]Sampler", "*"])
def test_a_denied_class_is_refused_with_the_pattern(denied: str) -> None:
    message = refusals(txt2img(), Fence(denied=("Other", denied)))["workflow.3.class_type"]
    assert message == f"the node class 'KSampler' may not be used here: DENIED_NODES has {denied!r}"


@pytest.mark.parametrize("denied", ["ksampler", "KSample", "Sampler", "KSampler?"])
def test_a_pattern_means_the_whole_name_in_its_own_case(denied: str) -> None:
    assert refusals(txt2img(), Fence(denied=(denied,))) == {}


def test_where_classes_are_listed_another_is_refused() -> None:
    kinds = {one["class_type"] for one in txt2img().values()}
    assert refusals(txt2img(), Fence(allowed=tuple(kinds))) == {}
    message = refusals(txt2img(), Fence(allowed=tuple(kinds - {"SaveImage"})))["workflow.9.class_type"]
    assert message == "the node class 'SaveImage' may not be used here: ALLOWED_NODES has no pattern for it"
    assert refusals(txt2img(), Fence(allowed=())).keys() == {f"workflow.{name}.class_type" for name in txt2img()}


def test_a_denied_class_is_denied_though_it_is_allowed() -> None:
    assert refusals(txt2img(), Fence(("*",), ("SaveImage",))).keys() == {"workflow.9.class_type"}


def test_it_is_denied_under_the_name_of_a_class_that_is_run_as_it() -> None:
    graph = {
        "1": node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        "2": node("ResizeImagesByLongerEdge", images=["1", 0], longer_edge=8),
        "9": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    publishing = fleet(INFO, replacements=SAID)
    assert refusals(graph, Fence(denied=("ImageScaleToMax*",)), publishing).keys() == {"workflow.2.class_type"}
    assert refusals(graph, Fence(denied=("ResizeImages*",)), publishing).keys() == {"workflow.2.class_type"}


def test_the_parts_of_a_picture_are_held_to_it_too() -> None:
    parameters = asked(lora_models=[{"name": "a"}])
    assert refusals(parameters, Fence(denied=("LoraLoader",))).keys() == {"lora_models[0]"}
    assert refusals(parameters) == {}


@pytest.mark.parametrize("capabilities", [FLEET, Capabilities()])
def test_a_class_that_nobody_knows_is_held_to_it_too(capabilities: Capabilities) -> None:
    assert refusals({"1": node("Nobody")}, Fence(denied=("No*",)), capabilities).keys() == {"workflow.1.class_type"}


@pytest.mark.parametrize(
    ("graph", "field"),
    [
        ({"1": node("LoadAny", path="/etc/passwd")}, "workflow.1.inputs.path"),
        ({"1": node("LoadAny", path={"__value__": "../x"})}, "workflow.1.inputs.path"),
        ({"1": node("LoadAny", path="good\n../bad")}, "workflow.1.inputs.path"),
        ({"1": node("Pick", file="/etc/passwd")}, "workflow.1.inputs.file"),
        ({"1": node("Pick", file="../a.png")}, "workflow.1.inputs.file"),
        ({"1": node("Many", files={"__value__": ["a", "~/b"]})}, "workflow.1.inputs.files"),
        ({"1": node("Grow", mode="folder", **{"mode.directory": "C:\\x"})}, "workflow.1.inputs.mode.directory"),
        ({"1": node("LoadImage", image="../../x.png [input]")}, "workflow.1.inputs.image"),
        ({"1": node("SaveImage", filename_prefix="../x", images=["2", 0])}, "workflow.1.inputs.filename_prefix"),
        (
            {"1": node("SaveImage", filename_prefix="\\\\server\\x", images=["2", 0])},
            "workflow.1.inputs.filename_prefix",
        ),
        ({"1": node("Nobody", save_path="/x")}, "workflow.1.inputs.save_path"),
        ({"1": node("LoadAny", path=["5", 0]), "5": node("PrimitiveString", value="/x")}, "workflow.1.inputs.path"),
    ],
)
def test_a_path_that_leads_out_is_refused_by_field(graph: dict[str, Any], field: str) -> None:
    graph = {"2": node("EmptyImage", width=8, height=8, batch_size=1, color=0), **graph}
    assert "so that it stays within ComfyUI's folders" in refusals(graph)[field]
    assert len(refusals(graph)) == 1


@pytest.mark.parametrize(
    "graph",
    [
        {"1": node("LoadAny", path="mine/a.png", text="/not a path/ ../ ~")},
        {"1": node("Pick", file="/mnt/b.png")},
        {"1": node("Pick", file="just uploaded.png")},
        {"1": node("LoadImage", image="mine/a.png [output]")},
        {"1": node("CLIPTextEncode", text="/imagine ../ C:\\", clip=["2", 0])},
        {"1": node("Nobody", words="/x", path=5, file=None)},
        {"1": node("LoadAny", path=["5", 0]), "5": node("Join", a="/x")},
    ],
)
def test_what_is_no_path_or_stays_within_is_not(graph: dict[str, Any]) -> None:
    assert refusals(graph) == {}


def test_of_many_faults_a_hundred_are_told() -> None:
    graph = {str(number): node("LoadAny", path="/x") for number in range(1000)}
    assert len(refusals(graph, Fence(denied=("*",)))) == MOST_ERRORS


def served(environ: Mapping[str, str], key: str, **variables: str) -> TestClient:
    return TestClient(create_app(load_settings({**environ, **variables}), QUICK), headers=bearer(key))


def test_settings_hold_for_jobs_batches_retries_and_what_is_only_looked_at(
    environ: Mapping[str, str], key: str, messenger: Messenger
) -> None:
    publish(messenger, object_info())
    body = {"workflow": txt2img()}
    with served(environ, key) as client:
        parent = client.post(URL, json=body).json()
        client.post(parent["links"]["cancel"])
    with served(environ, key, DENIED_NODES=" VAE*, Other ", ALLOWED_NODES="*") as client:
        answers = [
            client.post(URL, json=body),
            client.post(f"{URL}validate", json=body),
            client.post(f"{URL}bulk", json={"jobs": [body]}),
            retry(client, parent["id"]),
        ]
    for answer, place in zip(answers, ("", "", "jobs[0].", ""), strict=True):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["field"], error["code"]) == (f"{place}workflow.8.class_type", "node_not_allowed")
        assert "'VAEDecode'" in error["message"]
        assert "'VAE*'" in error["message"]
