"""The pool as if it were one ComfyUI: classes and models are those of any server, and devices those of each."""

import gzip
import json

import pytest
from starlette.testclient import TestClient

from api_service.fleet.object_infos import add_choices, as_text, in_order, union
from shared.messaging.messenger import Messenger
from tests.jobs import ANOTHER, SERVER
from tests.object_infos import object_info, page, publish


@pytest.fixture
def two(messenger: Messenger) -> None:
    publish(messenger, object_info(checkpoints=["a"], without=["ImageInvert"], classes={"Mine": page()}), SERVER)
    publish(messenger, object_info(checkpoints=["b", "a"], classes={"Theirs": page()}), ANOTHER, seconds_ago=3600)


@pytest.mark.usefixtures("two")
def test_classes_and_choices_are_those_of_all_servers(client: TestClient) -> None:
    info = client.get("/object_info").json()
    assert {"Mine", "Theirs", "ImageInvert", "KSampler"} <= info.keys()
    assert info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] == ["a", "b"]
    assert client.get("/object_info/Theirs").json() == {"Theirs": info["Theirs"]}
    assert client.get("/object_info/Nobodys").json() == {}
    assert client.get("/models/checkpoints").json() == ["a", "b"]
    assert client.get("/experiment/models/checkpoints").json()[1] == {"name": "b", "pathIndex": 0}
    assert client.get("/experiment/models/samplers").status_code == 404
    assert {"checkpoints", "loras", "vae"} <= set(client.get("/models").json())
    assert client.get("/models/samplers").status_code == 404  # no folder of ComfyUI's


@pytest.mark.usefixtures("two")
def test_it_is_packed_and_not_sent_again(client: TestClient) -> None:
    answer = client.get("/object_info", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "Mine" in answer.json()
    plain = client.get("/object_info", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == answer.json()
    assert client.get("/object_info", headers={"If-None-Match": plain.headers["etag"]}).status_code == 304


def test_inputs_stand_in_the_order_that_their_class_names() -> None:
    """PostgreSQL has no order of keys, and some programs fill in the inputs of a class by their place."""
    given = {"input": {"required": {"a": 1, "bb": 2, "c": 3}}, "input_order": {"required": ["bb", "a"]}}
    assert list(in_order(given)["input"]["required"]) == ["bb", "a", "c"]
    for odd in (None, 7, {"input": 3}, {"input": {"required": 1}, "input_order": {"required": 2}}):
        assert in_order(odd) == odd


def test_choices_of_newer_classes_are_added_too_and_odd_ones_left() -> None:
    first = page({"model": ["COMBO", {"options": ["x"]}], "seed": ["INT", {}], "odd": 3})
    add_choices(first, page({"model": ["COMBO", {"options": ["y", "x"]}], "seed": ["INT", {}], "odd": [["z"]]}))
    assert first["input"]["required"]["model"][1]["options"] == ["x", "y"]
    assert union([[("A", json.dumps(first))], [("A", "null"), ("B", "7")]])["B"] == 7


def test_its_text_is_json_and_its_tag_changes_with_it() -> None:
    one, other = as_text({"A": {"x": 1}, 'q"': 2}), as_text({"A": {"x": 2}})
    assert json.loads(one.whole) == json.loads(gzip.decompress(one.packed)) == {"A": {"x": 1}, 'q"': 2}
    assert one.tag != other.tag


@pytest.mark.usefixtures("two")
def test_one_system_stands_for_all(client: TestClient) -> None:
    stats = client.get("/system_stats").json()
    assert stats["system"]["comfyui_version"] == "0.8.0"
    (device,) = stats["devices"]  # the other server does not answer
    assert {"name", "type", "vram_total", "vram_free", "torch_vram_total", "torch_vram_free"} <= device.keys()
    assert SERVER not in json.dumps(stats)


def test_without_a_server_everything_is_there_and_empty(client: TestClient) -> None:
    assert client.get("/object_info").json() == {}
    assert client.get("/system_stats").json()["devices"] == []
    for path in ("/embeddings", "/extensions"):
        assert client.get(path).json() == []
    assert client.get("/settings").json() == {}
    assert client.get("/users").json() == {"storage": "server", "migrated": True}
    assert client.get("/features").json()["max_upload_size"] > 0
    assert client.post("/free", json={"unload_models": True}).status_code == 200
