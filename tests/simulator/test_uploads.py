"""Uploads are stored without a look at what they hold, under a free name, inside their folder."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.simulator.recordings import exchanges
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.system

MIB = 1 << 20
RED, BLUE = b"red picture", b"blue picture"


def form(name: str, content: bytes = RED, **fields: str) -> dict[str, Any]:
    return {"files": {"image": (name, content, "image/png")}, "data": fields}


# The recording says what was answered, and in its notes what was sent.
SENT: Mapping[str, dict[str, Any]] = {
    "first upload": form("up.png"),
    "same name, same content: no copy": form("up.png"),
    "same name, other content: renamed": form("up.png", BLUE),
    "overwrite=true": form("up.png", BLUE, overwrite="true"),
    "overwrite=1": form("up.png", RED, overwrite="1"),
    "subfolder": form("up.png", subfolder="a/b"),
    "type=temp": form("up.png", type="temp"),
    "type=output: clients may write into the output folder": form("planted.png", type="output"),
    "type=bogus": form("up.png", type="bogus"),
    "subfolder traversal": form("up.png", subfolder="../../outside"),
    "filename traversal": form("..%2F..%2Fevil.png"),
    "no image field": {"data": {"other": "x"}},
    "not an image: accepted, no check": form("notes.txt", b"some notes"),
    "empty file": form("empty.png", b""),
    "JSON instead of multipart": {"json": {"image": "x"}},
    "101 MiB": form("big101.bin", bytes(101 * MIB)),
    "99 MiB": form("big99.bin", bytes(99 * MIB)),
    "POST /prompt of 101 MiB": {"content": b'{"prompt": "' + b"x" * (101 * MIB) + b'"}'},
}
LISTED = "uploaded files appear in the combo list"
OUTSIDE = "subfolder ../../../outside"


def test_uploads_are_answered_as_recorded(simulator: RunningSimulator) -> None:
    recorded = exchanges("0.8/http/upload_image")
    (simulator.input_directory / "corrupt.png").touch()
    for exchange in recorded:
        check(simulator, exchange, SENT.get(exchange["note"], {}))

    assert {exchange["note"] for exchange in recorded} == SENT.keys() | {LISTED}


def test_strange_file_names_are_answered_as_recorded(simulator: RunningSimulator) -> None:
    simulator.http.post("/upload/image", **form("up.png", subfolder="a/b"))
    for exchange in exchanges("0.8/http/upload_filename_traversal"):
        request = exchange["request"]
        sent = {"content": request["raw_body"].encode(), "headers": request["headers"]}
        outside = form("x.png", subfolder="../../../outside")
        check(simulator, exchange, outside if exchange["note"] == OUTSIDE else sent)


@pytest.mark.parametrize("name", ["up.png", "sub/up.png"])
def test_an_uploaded_picture_can_be_used_in_a_prompt(simulator: RunningSimulator, name: str) -> None:
    folder, _, file = name.rpartition("/")
    simulator.http.post("/upload/image", **form(file, picture(simulator), subfolder=folder))
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "copy"}},
    }
    simulator.http.post("/prompt", json={"prompt": prompt, "prompt_id": "p"})

    assert simulator.wait_finished("p").outcomes == ["success"]


def picture(simulator: RunningSimulator) -> bytes:
    """The bytes of a picture the simulator made."""
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 255}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "made"}},
    }
    simulator.http.post("/prompt", json={"prompt": prompt, "prompt_id": "made"})
    simulator.wait_finished("made")
    return simulator.http.get("/view", params={"filename": "made_00001_.png"}).content


def check(simulator: RunningSimulator, exchange: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    request, recorded = exchange["request"], exchange["response"]
    response = simulator.http.request(request["method"], request["path"], **sent)
    assert response.status_code == recorded["status"], exchange["note"]
    assert response.headers.get("Content-Type") == recorded["headers"].get("Content-Type"), exchange["note"]
    body = recorded["body"]
    if exchange["note"] == LISTED:
        assert response.json()["LoadImage"]["input"]["required"]["image"] == body["json"]
    elif "json" in body:
        assert response.json() == body["json"], exchange["note"]
    else:
        assert response.text == body.get("text", ""), exchange["note"]
