"""Each output says which node it is from, and a job gets those it asked for, over HTTP and through a worker."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.simulator.graphs import noise
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.test_odd_outputs import showing
from tests.worker_service.run.test_submitted_jobs import QUICK, client, post

__all__ = ["client"]
pytestmark = pytest.mark.usefixtures("worker")
SHOWN = ("node_id", "node_class", "node_title", "key", "type")


def titled() -> dict[str, Any]:
    """A saved picture, a preview of it, and a text."""
    graph = noise(prefix="video/my prefix")
    return {
        **graph,
        "9": {**graph["9"], "_meta": {"title": "The final one"}},
        "10": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
        "11": {"class_type": "PreviewAny", "inputs": {"source": "said"}, "_meta": {"title": "A text"}},
    }


def test_each_output_says_which_one_it_is(client: TestClient) -> None:
    job = post(client, workflow=titled())
    assert [[output[name] for name in SHOWN] for output in job["outputs"]] == [
        ["9", "SaveImage", "The final one", "images", "output"],
        ["10", "PreviewImage", None, "images", "temp"],
        ["11", "PreviewAny", "A text", "text", None],
    ]
    saved, preview, text = job["outputs"]
    assert saved["server_filename"].endswith("_00001_.png")
    assert "_temp_" in preview["server_filename"]
    assert text["server_filename"] is None
    names = [output["filename"] for output in job["outputs"]]
    assert names == [f"my prefix-job-{job['id']}-0.png", f"job-{job['id']}-1.png", f"job-{job['id']}-2.txt"]
    download = client.get(saved["url"])
    assert download.headers["content-disposition"] == f'inline; filename="my prefix-job-{job["id"]}-0.png"'


def test_a_picture_from_words_says_so_too(client: TestClient) -> None:
    job = post(client, **QUICK)
    (output,) = job["outputs"]
    assert [output[name] for name in SHOWN] == ["save", "SaveImage", None, "images", "output"]
    assert output["filename"] == f"job-{job['id']}-0.png"


@pytest.mark.parametrize(
    ("wish", "kept"),
    [
        ({"outputs": ["9"]}, ["9"]),
        ({"outputs": ["11", "10"]}, ["10", "11"]),
        ({"temp_outputs": False}, ["9", "11"]),
        ({"outputs": ["10", "11"], "temp_outputs": False}, ["11"]),
    ],
    ids=str,
)
def test_a_job_keeps_the_outputs_it_asked_for(client: TestClient, wish: dict[str, Any], kept: list[str]) -> None:
    job = post(client, workflow=titled(), **wish)
    assert (job["status"], [output["node_id"] for output in job["outputs"]]) == ("completed", kept)
    assert [output["number"] for output in job["outputs"]] == list(range(len(kept)))
    assert job["warnings"] == []


def test_a_job_whose_wish_leaves_nothing_says_so(client: TestClient) -> None:
    job = post(client, workflow=titled(), outputs=["10"], temp_outputs=False)
    assert (job["status"], job["outputs"]) == ("completed", [])
    (warning,) = job["warnings"]
    assert (warning["code"], "asked for" in warning["message"]) == ("no_outputs", True)


def test_a_text_is_served_without_a_character_set_that_nobody_knows(client: TestClient) -> None:
    job = post(client, workflow=showing("cp1252_text", "tags"))
    types = [client.get(output["url"]).headers["content-type"] for output in job["outputs"]]
    assert types == ["text/plain", "text/plain; charset=utf-8"]


def test_a_bad_output_is_of_no_matter_to_a_job_that_did_not_ask_for_it(
    client: TestClient, deployment: Deployment
) -> None:
    job = post(client, workflow=showing("missing_file", "tags"), outputs=["2"])
    assert (job["retries"], job["warnings"], len(job["outputs"])) == (0, [], 1)


def test_pictures_that_are_only_sent_are_named_beside_those_that_are_kept(client: TestClient) -> None:
    sending = {"12": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["2", 0]}}}
    job = post(client, workflow={**titled(), **sending})
    assert [output["node_id"] for output in job["outputs"]] == ["9", "10", "11"]
    (warning,) = job["warnings"]
    assert (warning["code"], warning["node_id"]) == ("output_not_kept", "12")
    assert "SaveImageWebsocket sends its pictures" in warning["message"]
    assert post(client, workflow={**titled(), **sending}, outputs=["9"])["warnings"] == []
