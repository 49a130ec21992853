"""Uploads are stored without a look at what they hold, under a free name, inside their folder."""

import json
import os
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from tests.simulator.graphs import node, run, txt2img
from tests.simulator.recordings import exchanges
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.system, pytest.mark.landing]

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
}


def large() -> Mapping[str, dict[str, Any]]:
    return {
        "101 MiB": form("big101.bin", bytes(101 * MIB)),
        "99 MiB": form("big99.bin", bytes(99 * MIB)),
        "POST /prompt of 101 MiB": {"content": b'{"prompt": "' + b"x" * (101 * MIB) + b'"}'},
    }


LISTED = "uploaded files appear in the combo list"
OUTSIDE = "subfolder ../../../outside"


def test_uploads_are_answered_as_recorded(simulator: RunningSimulator) -> None:
    recorded, sent = exchanges("0.8/http/upload_image"), {**SENT, **large()}
    (simulator.input_directory / "corrupt.png").touch()
    for exchange in recorded:
        check(simulator, exchange, sent.get(exchange["note"], {}))

    assert {exchange["note"] for exchange in recorded} == sent.keys() | {LISTED}


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


def test_the_same_bytes_are_not_written_again(simulator: RunningSimulator) -> None:
    simulator.http.post("/upload/image", **form("up.png"))
    file = simulator.input_directory / "up.png"
    os.utime(file, (1, 1))
    simulator.http.post("/upload/image", **form("up.png"))
    assert file.stat().st_mtime == 1
    simulator.http.post("/upload/image", **form("up.png", overwrite="true"))
    assert file.stat().st_mtime != 1


def png(image: Image.Image, **options: Any) -> bytes:
    encoded = BytesIO()
    image.save(encoded, "PNG", **options)
    return encoded.getvalue()


def test_a_mask_is_put_into_a_copy_of_the_picture_that_it_is_for(simulator: RunningSimulator) -> None:
    notes = PngInfo()
    notes.add_text("prompt", "kept")
    original = png(Image.new("RGB", (8, 8), "red"), pnginfo=notes)
    simulator.http.post("/upload/image", **form("up.png", original, subfolder="a"))
    mask = png(Image.new("RGBA", (8, 8), (0, 0, 0, 77)))
    reference = json.dumps({"filename": "up.png", "subfolder": "a", "type": "input"})
    answer = simulator.http.post("/upload/mask", **form("masked.png", mask, subfolder="b", original_ref=reference))
    assert answer.json() == {"name": "masked.png", "subfolder": "b", "type": "input"}
    with Image.open(simulator.input_directory / "b" / "masked.png") as masked:
        assert isinstance(masked, PngImageFile)
        assert (masked.getpixel((0, 0)), masked.text) == ((255, 0, 0, 77), {"prompt": "kept"})


# As ComfyUI 0.33 answers: whether anything was stored, it does not say.
@pytest.mark.parametrize("name", ["../up.png", "nowhere.png", "up.png [output]"])
def test_a_mask_for_no_picture_is_answered_and_not_stored(simulator: RunningSimulator, name: str) -> None:
    fields = {"original_ref": json.dumps({"filename": name})}
    answer = simulator.http.post("/upload/mask", **form("masked.png", RED, **fields))
    assert (answer.status_code, answer.json()["name"]) == (200, "masked.png")
    assert not (simulator.input_directory / "masked.png").exists()


@pytest.mark.parametrize("fields", [{}, {"original_ref": '"x"'}])
def test_a_mask_for_what_is_no_reference_ends_in_a_500(simulator: RunningSimulator, fields: dict[str, str]) -> None:
    assert simulator.http.post("/upload/mask", **form("masked.png", RED, **fields)).status_code == 500


def test_uploads_can_be_refused_or_lost(simulator: RunningSimulator) -> None:
    simulator.fault("refuse_upload", status=413)
    assert simulator.http.post("/upload/image", **form("up.png")).status_code == 413
    simulator.fault("lose_upload")
    assert simulator.http.post("/upload/image", **form("up.png")).status_code == 200
    assert not (simulator.input_directory / "up.png").exists()
    simulator.http.post("/upload/image", **form("up.png"))
    assert (simulator.input_directory / "up.png").exists()


@pytest.mark.parametrize(("channel", "is_made"), [("alpha", False), ("red", True), ("green", False), ("blue", False)])
def test_a_channel_of_a_picture_says_what_is_made_anew(
    simulator: RunningSimulator, channel: str, is_made: bool
) -> None:
    simulator.http.post("/upload/image", **form("up.png", png(Image.new("RGBA", (64, 64), (255, 0, 0, 255)))))
    graph = txt2img() | {
        "1": node("LoadImageMask", image="up.png", channel=channel),
        "2": node("EmptyImage", width=64, height=64, batch_size=1, color=0x0A0B0C),
        "5": node("VAEEncodeForInpaint", pixels=["2", 0], vae=["4", 2], mask=["1", 0], grow_mask_by=6),
    }
    assert run(simulator, "p", graph).outcomes == ["success"]
    made = simulator.http.get("/view", params={"filename": "t2i_00001_.png"}).content
    with Image.open(BytesIO(made)) as image:
        assert (image.convert("RGB").getpixel((0, 0)) != (10, 11, 12)) is is_made


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
