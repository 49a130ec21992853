"""One simulator serves all tests that do not need another one; each finds it as if just started."""

from collections.abc import Iterator

import pytest

from tests.simulator.running import RunningSimulator, running_simulator


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[RunningSimulator]:
    """Offers what the recorded server offered."""
    with running_simulator(checkpoint=["random_sd15.safetensors"]) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator: RunningSimulator) -> RunningSimulator:
    """Speaks as ComfyUI 0.8, which takes any text as a prompt_id."""
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture(scope="session")
def shared_newer_simulator() -> Iterator[RunningSimulator]:
    """Offers no models, as the recorded server did."""
    with running_simulator(protocol="0.33", checkpoint=[""], lora=[""]) as running:
        yield running


@pytest.fixture
def newer_simulator(shared_newer_simulator: RunningSimulator) -> RunningSimulator:
    """Speaks as ComfyUI 0.33."""
    shared_newer_simulator.reset()
    return shared_newer_simulator
