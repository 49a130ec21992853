"""Each recorded conversation, replayed against the simulator, goes as it went with the real server."""

import pytest

from tests.simulator.recordings import DATA, HELD, NOT_HELD
from tests.simulator.replaying import Replay
from tests.simulator.running import RunningSimulator, running_simulator

pytestmark = pytest.mark.system

REPLAYED = [name for name, test in HELD.items() if test == "test_ws_recordings"]


@pytest.mark.landing
@pytest.mark.parametrize("name", [name for name in REPLAYED if name.startswith("0.8/")])
def test_the_conversation_goes_as_recorded(simulator: RunningSimulator, name: str) -> None:
    Replay(simulator, name).run()


@pytest.mark.parametrize("name", [name for name in REPLAYED if name.startswith("0.33/")])
def test_the_conversation_with_a_newer_server_goes_as_recorded(newer_simulator: RunningSimulator, name: str) -> None:
    Replay(newer_simulator, name).run()


@pytest.mark.landing
def test_a_client_that_stops_reading_holds_up_everybody_as_recorded() -> None:
    with running_simulator(draw="real") as simulator:  # Frames of noise, which no buffer holds.
        Replay(simulator, "0.8/ws/51_stalled_reader").run()


def test_every_recording_is_held_or_said_not_to_be() -> None:
    files = {str(file.relative_to(DATA).with_suffix("")) for file in DATA.glob("*/*/*.json*")}

    assert files == HELD.keys() | NOT_HELD.keys()
