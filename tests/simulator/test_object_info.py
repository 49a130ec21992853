"""Node classes declare what the real ones declare: types, ranges, defaults, choices."""

import pytest

from tests.simulator.comparison import Likeness
from tests.simulator.recordings import document
from tests.simulator.running import RunningSimulator, running_simulator

pytestmark = [pytest.mark.system, pytest.mark.landing]

RECORDED = document("0.8/http/object_info")


def test_every_node_class_is_declared_as_recorded(simulator: RunningSimulator) -> None:
    for name in RECORDED["LoadImage"]["input"]["required"]["image"][0]:
        (simulator.input_directory / name).touch()
    answered = simulator.http.get("/object_info").json()
    newer = document("0.33/http/object_info_of_inputs")
    others = ("Simulated", "ETN_")  # packs that the recorded server had not
    answered = {name: page for name, page in answered.items() if not name.startswith(others) and name not in newer}

    Likeness().check(RECORDED, answered)


@pytest.mark.parametrize(
    ("folder", "node", "field", "offered"),
    [
        ("checkpoints", "CheckpointLoaderSimple", "ckpt_name", ["one.safetensors", "two.safetensors"]),
        ("loras", "LoraLoader", "lora_name", ["three.safetensors"]),
    ],
)
def test_models_offered_are_those_given_on_the_command_line(
    folder: str, node: str, field: str, offered: list[str]
) -> None:
    with running_simulator(checkpoint=["one.safetensors", "two.safetensors"], lora=["three.safetensors"]) as simulator:
        listed = simulator.http.get(f"/models/{folder}").json()
        choices = simulator.http.get(f"/object_info/{node}").json()[node]["input"]["required"][field][0]

    assert listed == choices == offered
