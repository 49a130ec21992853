"""Files are numbered after the highest there is, and can be read while they are half written."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.simulator.graphs import files, noise, past, run, submit, view
from tests.simulator.running import RunningSimulator, running_simulator

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_numbers_go_on_after_the_highest_and_fill_no_gap(simulator: RunningSimulator) -> None:
    for name in ("job_00003_.png", "job_00007_.webm", "jobs_00020_.png", "job_x_.png", "notes.txt"):
        (simulator.output_directory / name).touch()

    run(simulator, "p", noise(prefix="job", batch_size=2))

    assert files(simulator, "p") == ["job_00008_.png", "job_00009_.png"]


def test_a_prefix_may_name_a_subfolder_and_the_size(simulator: RunningSimulator) -> None:
    run(simulator, "p", noise(prefix="a/b/%width%x%height%_%batch_num%", batch_size=2))

    images = past(simulator, "p")["outputs"]["9"]["images"]
    assert [(image["subfolder"], image["filename"]) for image in images] == [
        ("a/b", "64x64_0_00001_.png"),
        ("a/b", "64x64_1_00002_.png"),
    ]


def test_previews_do_not_stay_over_a_restart_and_outputs_do(simulator: RunningSimulator) -> None:
    graph = noise(prefix="kept") | {"20": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}}
    run(simulator, "p", graph)
    preview = files(simulator, "p", "20")[0]
    assert simulator.http.get("/view", params={"filename": preview, "type": "temp"}).status_code == 200

    simulator.kill()
    simulator.restart()

    assert simulator.http.get("/view", params={"filename": preview, "type": "temp"}).status_code == 404
    view(simulator, "kept_00001_.png")


def test_half_a_picture_can_be_read_while_it_is_written(simulator: RunningSimulator) -> None:
    stall = simulator.fault("stall", at="write")
    submit(simulator, "p", noise(prefix="slow", size=512))
    stall.wait_until_struck()
    half = view(simulator, "slow_00001_.png")
    stall.clear()
    simulator.wait_finished("p")
    whole = view(simulator, "slow_00001_.png")

    assert half == whole[: len(whole) // 2]
    assert Image.open(io.BytesIO(whole)).size == (512, 512)


@pytest.fixture
def neighbour(simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    """A second server on the same output folder."""
    with running_simulator(output_directory=simulator.output_directory) as running:
        yield running


def test_two_servers_on_one_folder_can_write_the_same_file(
    simulator: RunningSimulator, neighbour: RunningSimulator
) -> None:
    stall = simulator.fault("stall", node="SaveImage")
    submit(simulator, "slow", noise(prefix="shared"))
    stall.wait_until_struck()
    run(neighbour, "quick", noise(prefix="other"))
    stall.clear()
    simulator.wait_finished("slow")
    run(neighbour, "after", noise(prefix="shared"))

    assert files(simulator, "slow") == ["shared_00001_.png"]
    assert files(neighbour, "after") == ["shared_00002_.png"]
