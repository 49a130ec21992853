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
    shared_simulator.reset()
    return shared_simulator
