"""Krita AI Diffusion, from its connection to its pictures: its calls, on a worker and a simulated server."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.doors.native.tooling import TAKES_NO_MODELS
from shared.files.server_names import id_in_cache, name_on_server
from shared.models import Asset
from shared.workflows.references import reference_to
from tests.api_service.conftest import bearer, new_key
from tests.simulator.graphs import node
from tests.worker_service.deployment import Deployment
from tests.worker_service.native.krita import Ended, Krita, canvas, colour_of, picture_id, refining, selecting
from tests.worker_service.native.sequences import polled
from tests.worker_service.running_worker import RunningWorker

pytestmark = [pytest.mark.system, pytest.mark.landing]

RED, CYAN = (255, 0, 0), (0, 255, 255)


@pytest.fixture
def krita(client: TestClient) -> Krita:
    return Krita(client)


@pytest.fixture
def another_krita(deployment: Deployment, client: TestClient) -> Krita:
    """Of another user."""
    return Krita(client, **bearer(new_key(deployment.messenger.engine, another=True)))


def test_it_connects(krita: Krita) -> None:
    polled(lambda: krita.inspect("checkpoints"))  # which a worker reads last of all
    krita.connect()
    assert krita.models["checkpoints"]["random_sd15.safetensors"]["base_model"] == "sd15"
    assert (krita.models["diffusion_models"], krita.models["unet_gguf"], krita.languages) == ({}, {}, [])
    with krita.listening():
        krita.subscribe()
    # It goes on with the text as it is.
    assert krita.get("api/etn/translate/de/eine Katze/ein Hund").json() == {"error": "texts are not translated here"}


def test_a_picture_goes_in_and_the_result_comes_back(krita: Krita, client: TestClient) -> None:
    content = canvas("red")
    with krita.listening() as socket:
        krita.subscribe()
        prompt_id = krita.enqueue(refining(content), content)
        (result,) = krita.results(socket, prompt_id)
    assert colour_of(result) == CYAN
    (listed,) = client.get("/api/v1/generation-jobs/").json()["items"]
    job = client.get(f"/api/v1/generation-jobs/{listed['id']}").json()
    assert (job["status"], job["warnings"]) == ("completed", [])
    (output,) = job["outputs"]
    assert (output["media_type"], output["width"], output["node_class"]) == ("image/png", 32, "ETN_SaveImageCache")
    assert output["thumbnails"]
    assert client.get(output["url"]).content == result


def test_the_same_again_is_made_again(krita: Krita, deployment: Deployment) -> None:
    """A server shows what it has shown before, though its cache may have lost that by then."""
    content = canvas("red")
    with krita.listening() as socket:
        for _ in range(2):
            krita.results(socket, krita.enqueue(refining(content), content))
            deployment.comfyui.forget_pictures()


@pytest.mark.parametrize(("mode", "colour", "seen"), [("L", 100, (100,) * 3), ("RGBA", (1, 2, 3, 50), (50,) * 3)])
def test_a_mask_is_as_it_was_sent(krita: Krita, mode: str, colour: object, seen: tuple[int, ...]) -> None:
    content = canvas(colour, mode)  # type: ignore[arg-type]
    with krita.listening() as socket:
        (result,) = krita.results(socket, krita.enqueue(selecting(content), content))
    assert colour_of(result) == seen


def test_a_jpeg_is_a_jpeg(krita: Krita) -> None:
    content = canvas("red")
    with krita.listening() as socket:
        (result,) = krita.results(socket, krita.enqueue(refining(content, "JPEG"), content))
    assert result.startswith(b"\xff\xd8\xff")


def test_a_result_is_drawn_on_by_its_id(krita: Krita) -> None:
    """On one server, results and what is put there are in one cache."""
    content = canvas("red")
    with krita.listening() as socket:
        prompt_id = krita.enqueue(refining(content), content)
        krita.results(socket, prompt_id)
        (image,) = krita.get(f"history/{prompt_id}").json()[prompt_id]["outputs"]["2"]["images"]
        graph = refining(content)
        graph["0"]["inputs"]["id"] = image["id"]
        (result,) = krita.results(socket, krita.enqueue(graph))
    assert colour_of(result) == RED


def test_many_pictures_and_many_results(krita: Krita) -> None:
    """Prompts come one after another, as soon as the one before has begun."""
    contents = [canvas(colour) for colour in ("red", "blue", "lime")]
    with krita.listening() as socket:
        prompts = [krita.enqueue(refining(content), *contents) for content in contents]
        colours = [colour_of(*krita.results(socket, prompt_id)) for prompt_id in prompts]
    assert colours == [CYAN, (255, 255, 0), (255, 0, 255)]


def test_a_workflow_of_ones_own_says_where_its_picture_belongs(krita: Krita) -> None:
    """Its node sends the picture over the socket, and tells the place beside it."""
    content = canvas("red")
    graph = refining(content)
    place = {"x": 5, "y": ["0", 0], "name": "layer", "batch_mode": "layers", "resize_canvas": True}
    graph["2"] = node("ETN_KritaOutput", images=["1", 0], **place)
    with krita.listening() as socket:
        (result,) = krita.results(socket, krita.enqueue(graph, content))
    assert colour_of(result) == CYAN
    assert krita.places == [
        {"name": "layer", "offset_x": 5, "offset_y": 0, "batch_mode": "layers", "resize_canvas": True}
    ]


def test_its_nodes_take_and_leave_files_of_every_door(krita: Krita, client: TestClient) -> None:
    """An asset is named by a reference where an id stands, and the result is an output."""
    upload = client.post("/api/v1/assets", files={"file": ("mine.png", canvas("red"))}).json()
    graph = refining(canvas("red"))
    graph["0"]["inputs"]["id"] = reference_to(upload["id"])
    asked = client.post("/api/v1/generation-jobs/", json={"workflow": graph}, headers={"Prefer": "wait=30"})
    (output,) = asked.json()["outputs"]
    assert colour_of(client.get(output["url"]).content) == CYAN
    assert krita.get(f"api/etn/image/{output['id']}").content == client.get(output["url"]).content
    film = client.post("/api/v1/assets", files={"file": ("film.mp4", bytes(4) + b"ftypisom" + bytes(99))}).json()
    graph["0"]["inputs"]["id"] = reference_to(film["id"])
    refused = client.post("/api/v1/generation-jobs/", json={"workflow": graph})
    assert [one["code"] for one in refused.json()["errors"]] == ["wrong_asset_kind"]


def test_nobody_names_a_picture_of_another_by_the_name_that_a_server_has_for_it(
    krita: Krita, another_krita: Krita, deployment: Deployment
) -> None:
    """It stands in what is written into pictures."""
    content = canvas("red")
    with krita.listening() as socket:
        krita.results(socket, krita.enqueue(refining(content), content))
    with deployment.messenger.transaction() as session:
        (asset,) = session.exec(select(Asset)).all()
    graph = refining(content)
    graph["0"]["inputs"]["id"] = id_in_cache(name_on_server(asset.hash, asset.media_type, asset.name))
    assert deployment.comfyui.http.get(f"/api/etn/image/{graph['0']['inputs']['id']}").content == content
    own, others = (one.post("api/v1/generation-jobs/", {"workflow": graph}) for one in (krita, another_krita))
    assert (own.status_code, others.status_code) == (201, 422)
    assert [one["code"] for one in others.json()["errors"]] == ["missing_asset"]


def test_users_are_apart_though_their_ids_are_the_same(krita: Krita, another_krita: Krita) -> None:
    """An id is a checksum of 32 bits: two pictures may well have the same, and a server keeps the first."""
    mine, theirs = canvas("red"), canvas("blue")
    own = f"api/etn/image/{picture_id(mine)}"
    assert (krita.put(own, mine).status_code, another_krita.get(own).status_code) == (201, 404)
    refused = another_krita.post("prompt", {"prompt": refining(mine), "client_id": another_krita.client_id})
    assert list(refused.json()["node_errors"]) == ["0"]
    assert another_krita.put(own, theirs).status_code == 201
    with krita.listening() as socket, another_krita.listening() as another:
        prompts = krita.enqueue(refining(mine)), another_krita.enqueue(refining(mine))
        assert colour_of(*another_krita.results(another, prompts[1])) == (255, 255, 0)
        assert colour_of(*krita.results(socket, prompts[0])) == CYAN
    (image,) = krita.get(f"history/{prompts[0]}").json()[prompts[0]]["outputs"]["2"]["images"]
    assert krita.get(f"api/etn/image/{image['id']}").status_code == 200
    assert another_krita.get(f"api/etn/image/{image['id']}").status_code == 404


def test_what_came_last_under_an_id_is_meant_by_it(krita: Krita) -> None:
    first, second = canvas("red"), canvas("blue")
    own = f"api/etn/image/{picture_id(first)}"
    assert [krita.put(own, one).status_code for one in (first, second, second, first)] == [201, 201, 200, 200]
    assert krita.get(own).content == first


def test_a_picture_that_was_not_put_there_is_refused_with_its_node(krita: Krita) -> None:
    graph = refining(canvas("red"))
    for unknown in ("0badf00d", "../x", "", "out_aaaaaaaaaaaaaaaa"):
        graph["0"]["inputs"]["id"] = unknown
        refused = krita.post("prompt", {"prompt": graph, "client_id": krita.client_id, "prompt_id": str(uuid4())})
        assert refused.status_code == 400, unknown
        assert refused.json()["error"]["type"] == "prompt_outputs_failed_validation"
        (error,) = refused.json()["node_errors"]["0"]["errors"]
        assert (error["extra_info"]["input_name"], error["type"]) == ("id", "custom_validation_failed")
        assert refused.json()["node_errors"]["0"]["dependent_outputs"] == ["2"]


@pytest.mark.parametrize(
    ("picture", "content", "status"),
    [("0badf00d", b"no picture", 422), ("0badf00d", b"", 422), ("a.b", b"\x89PNG\r\n\x1a\n", 422)],
)
def test_what_is_no_picture_is_refused_with_a_sentence(krita: Krita, picture: str, content: bytes, status: int) -> None:
    answer = krita.put(f"api/etn/image/{picture}", content)
    assert (answer.status_code, type(answer.json()["error"])) == (status, str)


def test_a_lora_is_refused_with_a_sentence_and_without_a_key(client: TestClient) -> None:
    """Its key does not come with it."""
    client.headers.pop("authorization")
    answer = client.put("/api/etn/upload/loras/mine.safetensors", content=b"x" * 100_000)
    assert (answer.status_code, answer.json()["error"]) == (403, TAKES_NO_MODELS)


def test_a_prompt_that_waits_is_taken_back_and_one_that_runs_is_interrupted(
    krita: Krita, deployment: Deployment
) -> None:
    content = canvas("red")
    with krita.listening() as socket:
        stall = deployment.comfyui.fault("stall", node="ImageInvert")
        runs = krita.enqueue(refining(content), content)
        stall.wait_until_struck()
        waits = krita.enqueue(refining(content))
        assert krita.post("queue", {"delete": [waits]}).is_success
        assert krita.post("interrupt", {}).is_success
        stall.clear()
        with pytest.raises(Ended, match="execution_interrupted"):
            krita.results(socket, runs)
        krita.results(socket, krita.enqueue(refining(content), content))


def test_a_worker_stops_and_another_one_fetches_the_result(
    krita: Krita, worker: RunningWorker, deployment: Deployment
) -> None:
    content = canvas("red")
    with krita.listening() as socket:
        stall = deployment.comfyui.fault("stall", node="ImageInvert")
        prompt_id = krita.enqueue(refining(content), content)
        stall.wait_until_struck()
        worker.stop()
        stall.clear()
        with deployment.worker():
            deployment.wakeups.send_missing()
            assert colour_of(*krita.results(socket, prompt_id)) == CYAN


def test_a_server_that_has_lost_the_picture_is_given_it_again(krita: Krita, deployment: Deployment) -> None:
    """Before it has run, and after it was made."""
    content = canvas("red")
    with krita.listening() as socket:
        for fault, more in (("lose_upload", {}), ("missing_file", {"path": "/api/etn/image"})):
            deployment.comfyui.fault(fault, **more)
            deployment.comfyui.forget_pictures()
            (result,) = krita.results(socket, krita.enqueue(refining(content), content))
            assert colour_of(result) == CYAN
            assert deployment.faults() == []


def test_a_picture_goes_a_day_after_it_was_put_there(krita: Krita, client: TestClient) -> None:
    content = canvas("red")
    krita.put(f"api/etn/image/{picture_id(content)}", content)
    (asset,) = client.get("/api/v1/assets").json()["items"]
    kept = datetime.fromisoformat(asset["expires_at"]) - datetime.fromisoformat(asset["created_at"])
    assert asset["name"] == f"etn/{picture_id(content)}"
    assert timedelta(0) <= timedelta(days=1) - kept < timedelta(minutes=1)
