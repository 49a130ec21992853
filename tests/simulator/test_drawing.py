"""The same recipe draws the same picture, byte for byte, and any difference in it another one."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.simulator.graphs import files, node, run, txt2img, view
from tests.simulator.running import RunningSimulator, running_simulator

pytestmark = [pytest.mark.system, pytest.mark.landing]

CAT: dict[str, Any] = {"seed": 42, "text": "a cat"}


@pytest.fixture(scope="module")
def painter() -> Iterator[RunningSimulator]:
    with running_simulator(draw="real") as running:
        yield running


def drawn(painter: RunningSimulator, **recipe: Any) -> bytes:
    """The file a recipe leads to, after a reset so that nothing is cached."""
    painter.reset()
    run(painter, "p", txt2img(**recipe))
    return view(painter, files(painter, "p")[0])


def test_the_same_recipe_draws_the_same_bytes(painter: RunningSimulator) -> None:
    assert drawn(painter, **CAT) == drawn(painter, **CAT)


@pytest.mark.parametrize("change", [{"seed": 43}, {"text": "a dog"}, {"steps": 4}])
def test_another_recipe_draws_another_picture(painter: RunningSimulator, change: dict[str, Any]) -> None:
    first, second = (Image.open(io.BytesIO(drawn(painter, **recipe))) for recipe in (CAT, CAT | change))

    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("size", [(16, 16), (64, 2048), (832, 1216), (1024, 256)])
def test_a_picture_has_the_size_that_was_asked_for(painter: RunningSimulator, size: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(drawn(painter, size=size, text="a boat, a castle, no words left " * 20))) as picture:
        picture.load()
        assert (picture.format, picture.size, picture.mode) == ("PNG", size, "RGB")


def test_the_pictures_of_a_batch_differ(painter: RunningSimulator) -> None:
    painter.reset()
    graph = txt2img(text="")
    graph["5"]["inputs"]["batch_size"] = 3
    run(painter, "p", graph)

    assert len({view(painter, name) for name in files(painter, "p")}) == 3


def test_a_picture_can_be_made_from_another_one(painter: RunningSimulator) -> None:
    painter.reset()
    run(painter, "first", txt2img())
    (painter.input_directory / "first.png").write_bytes(view(painter, files(painter, "first")[0]))
    graph = txt2img()
    graph["1"] = node("LoadImage", image="first.png")
    graph["5"] = node("VAEEncode", pixels=["1", 0], vae=["4", 2])
    graph["3"]["inputs"]["denoise"] = 0.4
    run(painter, "second", graph)

    assert view(painter, files(painter, "second")[0]) != view(painter, files(painter, "first")[0])
