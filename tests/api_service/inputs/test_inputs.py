"""A workflow names assets where its nodes take files; what it may not have is refused by field."""

import threading
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.fleet.capability_cache import Capabilities
from api_service.inputs.known_assets import NONE, KnownAssets, assets_named_by
from api_service.inputs.named import named_in
from api_service.inputs.resolving import resolve
from shared.messaging.messenger import Messenger
from shared.models import Asset, AssetKind, AssetUse
from tests.api_service.assets.assets import ASSETS, PNG, uploaded
from tests.api_service.conftest import bearer, new_key
from tests.api_service.fleet.test_fleet_check import fleet
from tests.jobs import USER, running
from tests.object_infos import object_info, page, publish
from tests.simulator.graphs import node
from tests.simulator.recordings import document

URL = "/api/v1/generation-jobs/"
LEAST: dict[str, Any] = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors"}
CUSTOM = "custom_nodes.any"
CLASSES = {
    "LoadVideo": page({"file": ["COMBO", {"options": [], "video_upload": True}]}),
    "LoadAudio": page({"audio": ["COMBO", {"options": [], "audio_upload": True}]}),
    "Load3D": page({"model_file": ["COMBO", {"options": ["none"], "file_upload": True}]}),
    "LoadLatent": page({"latent": [[]]}),
    "ListsFilms": page({"video": [["a.mp4", "b.webm"]]}, python_module=CUSTOM),
    "ListsModels": page({"model": [["a.safetensors"]]}, python_module=CUSTOM),
    **document("0.33/http/object_info_of_inputs"),
    "Paints": page({"mask": ["STRING", {"image_upload": True}]}, python_module=CUSTOM),
    "ReadsFolder": page({"folder": [["genonaut-inputs"]]}, python_module=CUSTOM),
    "Batch": page(
        {
            "images": [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {"image": ["COMBO", {"options": [], "image_upload": True}]}},
                        "prefix": "image",
                        "min": 1,
                        "max": 4,
                    }
                },
            ]
        }
    ),
}
WAV, MP4 = b"RIFF\x24\0\0\0WAVEfmt ", b"\0\0\0\x18ftypmp42" + bytes(20)
GIF, LATENT = b"GIF89a" + bytes(20), b"\x10\0\0\0\0\0\0\0{" + b" " * 20


@pytest.fixture(autouse=True)
def _servers(messenger: Messenger) -> None:
    publish(messenger, object_info(classes=CLASSES))


def loading(value: Any, class_type: str = "LoadImage", name: str = "image") -> dict[str, Any]:
    return {
        "1": node(class_type, **{name: value}),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    }


def reference(asset_id: str, **info: Any) -> dict[str, Any]:
    return {"__type": "core/ASSET", "info": {"id": asset_id, **info}}


def refused(response: Any) -> dict[str, tuple[str, str]]:
    assert response.status_code == 422, response.text
    return {error["field"]: (error["code"], error["message"]) for error in response.json()["errors"]}


def accepted(client: TestClient, workflow: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    response = client.post(URL, json={"workflow": workflow, **values})
    assert response.status_code == 201, response.text
    return response.json()  # type: ignore[no-any-return]


def uses(messenger: Messenger) -> list[tuple[str, int]]:
    with messenger.transaction() as session:
        return [(str(one.asset_id), one.job_id) for one in session.exec(select(AssetUse).order_by("job_id"))]


TAKEN = [
    ("LoadImage", "image", PNG, "photo.png"),
    ("LoadVideo", "file", MP4, "film.mp4"),
    ("LoadVideo", "file", GIF, "film.gif"),
    ("LoadAudio", "audio", WAV, "sound.wav"),
    ("LoadAudio", "audio", MP4, "film.mp4"),
    ("Load3D", "model_file", b"glTF" + bytes(20), "thing.glb"),
    ("LoadLatent", "latent", LATENT, "x.latent"),
    ("ListsFilms", "video", MP4, "film.mp4"),
    ("Paints", "mask", PNG, "mask.png"),
    ("LoadImage", "image", b"\x80\x81" * 20, "nobody-knows.raw"),
]


@pytest.mark.parametrize(("class_type", "name", "content", "filename"), TAKEN)
def test_each_input_that_takes_files_takes_an_asset_by_reference_and_by_name(
    client: TestClient, messenger: Messenger, class_type: str, name: str, content: bytes, filename: str
) -> None:
    asset = uploaded(client, content, filename)
    for value in (reference(asset["id"]), asset["name"], f"{asset['name']} [input]"):
        body = accepted(client, loading(value, class_type, name))
        assert body["workflow"]["1"]["inputs"][name] == value
        assert body["assets"] == {"1": {name: asset["id"]}}
        assert not [note for note in body["notes"] if "may lack" in note]
    assert {asset_id for asset_id, _ in uses(messenger)} == {asset["id"]}


@pytest.mark.parametrize(
    ("class_type", "name", "content", "message"),
    [
        ("LoadImage", "image", b"a text", "takes image, and the asset 'x' is text (text/plain; charset=utf-8)"),
        ("LoadImage", "image", MP4, "takes image, and the asset 'x' is video (video/mp4)"),
        ("LoadImage", "image", b"%PDF-1.7", "takes image, and the asset 'x' is other (application/pdf)"),
        ("LoadVideo", "file", PNG, "takes video, and the asset 'x' is image (image/png)"),
        ("LoadAudio", "audio", PNG, "takes audio or video, and the asset 'x' is image (image/png)"),
    ],
)
def test_a_wrong_kind_is_refused(client: TestClient, class_type: str, name: str, content: bytes, message: str) -> None:
    asset = uploaded(client, content, "x")
    for value in (reference(asset["id"]), "x"):
        response = client.post(URL, json={"workflow": loading(value, class_type, name)})
        assert refused(response) == {f"workflow.1.inputs.{name}": ("wrong_asset_kind", message)}


def test_another_users_asset_is_as_one_that_is_not_there(client: TestClient, engine: Engine) -> None:
    other = bearer(new_key(engine, another=True))
    response = client.post(ASSETS, files={"file": ("theirs.png", PNG)}, headers=other)
    theirs, nobodys = response.json()["id"], str(uuid4())
    for asset_id in (theirs, nobodys):
        found = refused(client.post(URL, json={"workflow": loading(reference(asset_id))}))
        assert found == {"workflow.1.inputs.image": ("missing_asset", f"there is no asset '{asset_id}'")}
    for name in ("theirs.png", "nobodys.png"):
        found = refused(client.post(URL, json={"workflow": loading(name)}))
        message = f"no server has the file '{name}', and you have no such asset"
        assert found == {"workflow.1.inputs.image": ("missing_asset", message)}
    for content_hash in (response.json()["hash"].removeprefix("blake3:"), "0" * 64):
        name = f"genonaut-inputs/{content_hash}.png"
        found = refused(client.post(URL, json={"workflow": loading(name)}))
        message = f"you have no asset with the content of '{name}'; upload it, and name the asset"
        assert found == {"workflow.1.inputs.image": ("missing_asset", message)}


MALFORMED: list[dict[str, Any]] = [
    {"__type": "core/ASSET"},
    {"__type": "core/ASSET", "info": "x"},
    {"__type": "core/ASSET", "info": {"hash": "blake3:00"}},
    {"__type": "core/ASSET", "info": {"id": 7}},
    {"__type": "core/ASSET", "info": {"id": "photo.png"}},
    {"__type": "core/MODEL", "info": {"id": str(UUID(int=1))}},
    {"__type": None},
]


@pytest.mark.parametrize("value", MALFORMED, ids=str)
def test_a_malformed_reference_is_refused(client: TestClient, value: dict[str, Any]) -> None:
    found = refused(client.post(URL, json={"workflow": loading(value)}))
    message = 'a reference is {"__type": "core/ASSET", "info": {"id": "<the id of an asset or an output>"}}'
    assert found == {"workflow.1.inputs.image": ("missing_asset", message)}


def test_only_the_id_of_a_reference_counts(client: TestClient) -> None:
    asset, other = uploaded(client), uploaded(client, b"another", "other.txt")
    value = reference(asset["id"].upper(), hash=other["hash"], file_path=other["name"])
    assert accepted(client, loading(value))["assets"] == {"1": {"image": asset["id"]}}


@pytest.mark.parametrize(
    ("class_type", "name"),
    [
        ("EmptyImage", "width"),
        ("CLIPTextEncode", "text"),
        ("CheckpointLoaderSimple", "ckpt_name"),
        ("ListsModels", "model"),
    ],
)
def test_where_no_file_is_taken_a_reference_is_refused(client: TestClient, class_type: str, name: str) -> None:
    asset = uploaded(client)
    workflow = {**loading(reference(asset["id"])), "3": node(class_type, **{name: reference(asset["id"])})}
    workflow["2"]["inputs"]["other"] = ["3", 0]
    found = refused(client.post(URL, json={"workflow": workflow}))
    assert found[f"workflow.3.inputs.{name}"][0] == "asset_not_taken"


def test_a_name_in_a_text_is_only_a_text(client: TestClient) -> None:
    uploaded(client, PNG, "a cat")
    body = accepted(client, {**loading("a cat"), "3": node("CLIPTextEncode", text="a cat", clip=["4", 0])})
    assert body["assets"].keys() == {"1"}


def test_of_several_assets_with_a_name_the_newest_counts(client: TestClient) -> None:
    uploaded(client)
    newer = uploaded(client, PNG + b"more")
    assert accepted(client, loading("photo.png"))["assets"] == {"1": {"image": newer["id"]}}


def test_a_file_that_a_server_lists_is_left_to_it_unless_an_asset_has_its_name(client: TestClient) -> None:
    assert accepted(client, loading("up.png"))["assets"] is None
    asset = uploaded(client, PNG, "up.png")
    assert accepted(client, loading("up.png"))["assets"] == {"1": {"image": asset["id"]}}


def test_the_name_that_is_written_into_pictures_names_the_asset(client: TestClient) -> None:
    asset = uploaded(client)
    name = f"genonaut-inputs/{asset['hash'].removeprefix('blake3:')}.png"
    assert accepted(client, loading(name))["assets"] == {"1": {"image": asset["id"]}}


@pytest.mark.parametrize(
    ("class_type", "name", "value"),
    [
        ("LoadImage", "image", "genonaut-inputs/other.png"),
        ("LoadImage", "image", "./Genonaut-Inputs//other.png"),
        ("LoadImage", "image", "genonaut-inputs\\other.png [input]"),
        ("ReadsFolder", "folder", "genonaut-inputs"),
        ("ClassOfNobody", "folder", "input/genonaut-inputs"),
    ],
)
def test_the_folder_of_all_inputs_is_nobodys(client: TestClient, class_type: str, name: str, value: str) -> None:
    uploaded(client)
    response = client.post(URL, json={"workflow": loading(value, class_type, name)})
    assert refused(response)[f"workflow.1.inputs.{name}"][0] == "path_outside"


def test_where_no_server_is_known_the_ending_of_a_name_decides() -> None:
    graph = {"1": node("ClassOfNobody", anything="photo.png", text="a cat", size=5)}
    (found,) = named_in(graph, Capabilities(), {})
    assert (found.input, found.meant.name, found.kinds) == ("anything", "photo.png", frozenset())


def test_all_that_is_wrong_with_a_batch_is_said_by_its_place(client: TestClient, messenger: Messenger) -> None:
    asset = uploaded(client)
    jobs = [{"workflow": loading(asset["name"])}, {"workflow": loading("no.png")}, {**LEAST, "image": "no.png"}]
    found = refused(client.post(f"{URL}bulk", json={"jobs": jobs}))
    assert {field: code for field, (code, _) in found.items()} == {
        "jobs[1].workflow.1.inputs.image": "missing_asset",
        "jobs[2].image": "missing_asset",
    }
    assert uses(messenger) == []
    body = client.post(f"{URL}bulk", json={"jobs": [jobs[0]] * 3}).json()
    assert uses(messenger) == [(asset["id"], job["id"]) for job in body["jobs"]]


def test_validating_says_which_assets_would_be_taken_and_keeps_none(client: TestClient, messenger: Messenger) -> None:
    asset = uploaded(client)
    body = client.post(f"{URL}validate", json={"workflow": loading("photo.png")}).json()
    assert body["job"]["assets"] == {"1": {"image": asset["id"]}}
    assert uses(messenger) == []
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204


def test_a_running_job_keeps_its_asset_and_an_expired_asset_is_named_by_nobody(
    client: TestClient, messenger: Messenger
) -> None:
    asset = uploaded(client)
    claim = running(messenger)
    with messenger.transaction() as session:
        session.add(AssetUse(asset_id=asset["id"], job_id=claim.job.id))
    assert client.delete(f"{ASSETS}/{asset['id']}").json()["code"] == "asset_in_use"
    with messenger.transaction() as session:
        session.connection().exec_driver_sql("UPDATE assets SET expires_at = now() - interval '1 second'")
    assert refused(client.post(URL, json={"workflow": loading("photo.png")}))


def test_of_a_deletion_and_a_submission_at_once_one_is_refused(client: TestClient) -> None:
    for number in range(5):
        asset = uploaded(client, PNG + bytes([number]), f"{number}.png")
        answers: dict[str, Any] = {}

        def delete(asset: Any = asset, answers: dict[str, Any] = answers) -> None:
            answers["delete"] = client.delete(f"{ASSETS}/{asset['id']}").status_code

        thread = threading.Thread(target=delete)
        thread.start()
        submitted = client.post(URL, json={"workflow": loading(reference(asset["id"]))}).status_code
        thread.join()
        assert (submitted, answers["delete"]) in {(201, 409), (422, 204)}


def test_a_job_takes_a_hundred_assets_at_most() -> None:
    facts: dict[str, Any] = {"user_id": USER, "media_type": "image/png", "size_bytes": 1, "hash": "x", "path": "x"}
    rows = [Asset(name=f"{number}.png", kind=AssetKind.IMAGE, **facts) for number in range(101)]
    graph = {asset.name: node("ClassOfNobody", image=asset.name) for asset in rows}
    known = KnownAssets(by_name={asset.name: asset for asset in rows})
    found = resolve(graph, Capabilities(), known, {}, lambda *_: "workflow")
    assert [error.message for error in found.errors] == ["names 101 assets; a job takes at most 100 assets"]


def test_a_job_that_names_more_files_than_anybody_has_is_refused_without_a_look(
    client: TestClient, engine: Engine
) -> None:
    graph = {f"{number}.png": node("LoadImage", image=f"{number}.png") for number in range(201)}
    assert assets_named_by(engine, USER, [(graph, {})], fleet(object_info())) == NONE
    found = refused(client.post(URL, json={"workflow": {**graph, **loading("0.png")}}))
    assert found["workflow"] == ("too_many_assets", "names more than 200 files; a job takes at most 100 assets")


@pytest.mark.parametrize("given", [5, True, [], {}, "", {"__type": "core/ASSET"}, "a\0b", "x" * 301], ids=repr)
def test_an_image_that_names_nothing_is_refused(client: TestClient, given: Any) -> None:
    assert refused(client.post(URL, json={**LEAST, "image": given})).keys() == {"image"}


def test_a_typed_job_takes_an_image_and_a_mask(client: TestClient) -> None:
    image, mask = uploaded(client, PNG, "i.png"), uploaded(client, PNG + b"m", "m.png")
    body = client.post(URL, json={**LEAST, "image": "i.png", "mask": reference(mask["id"], hash="x"), "denoise": 0.4})
    assert body.status_code == 201, body.text
    job = body.json()
    assert job["assets"] == {"image": {"image": image["id"]}, "mask": {"image": mask["id"]}}
    assert (job["params"]["image"], job["params"]["mask"]) == ("i.png", reference(mask["id"]))
    assert job["sampler_params"]["denoise"] == 0.4


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"mask": "i.png"}, "mask"),
        ({"image": "i.png", "mask": "none.png"}, "mask"),
        ({"image": "i.txt"}, "image"),
        ({"image": "i.png", "denoise": 1.5}, "denoise"),
        ({"image": "i.png", "denoise": 0.5, "sampler_params": {"denoise": 0.6}}, "body"),
    ],
)
def test_what_is_wrong_with_a_typed_job_is_said_by_field(
    client: TestClient, values: dict[str, Any], field: str
) -> None:
    uploaded(client, PNG, "i.png")
    uploaded(client, b"a text", "i.txt")
    assert refused(client.post(URL, json={**LEAST, **values})).keys() == {field}


@pytest.mark.parametrize(
    ("values", "denoise"),
    [
        ({}, 1.0),
        ({"image": "i.png"}, 0.75),
        ({"image": "i.png", "mask": "i.png"}, 1.0),
        ({"image": "i.png", "params": {"denoise": 0.2}}, 0.2),
        ({"image": "i.png", "sampler_params": {"denoise": 0.2}, "denoise": 0.2}, 0.2),
    ],
)
def test_how_much_is_made_anew(client: TestClient, values: dict[str, Any], denoise: float) -> None:
    uploaded(client, PNG, "i.png")
    job = client.post(f"{URL}validate", json={**LEAST, **values}).json()["job"]
    assert job["workflow"]["sampler"]["inputs"]["denoise"] == denoise
