"""A loopback host is guarded against pages of other origins, and nothing else is guarded at all."""

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.simulator.beginnings import bring_to_start
from tests.simulator.comparison import Likeness
from tests.simulator.listening import Listener
from tests.simulator.recordings import exchanges
from tests.simulator.running import RunningSimulator
from tests.simulator.test_http_recordings import replay

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_origins_and_hosts_are_treated_as_recorded(simulator: RunningSimulator) -> None:
    recorded = [exchange for exchange in exchanges("0.8/http/origin_host") if "request" in exchange]
    bring_to_start(simulator, recorded)
    likeness = Likeness()
    for exchange in recorded:
        response = replay(simulator, likeness, at_port(exchange, simulator.port))
        if exchange["request"]["method"] == "POST" and response.status_code == 200:
            simulator.wait_finished(response.json()["prompt_id"])


@pytest.mark.parametrize(("origin", "admitted"), [("https://evil.example", False), ("http://127.0.0.1:{}", True)])
def test_a_socket_is_opened_for_our_own_origin_only(simulator: RunningSimulator, origin: str, admitted: bool) -> None:
    if admitted:
        Listener(simulator, "o", origin=origin.format(simulator.port)).close()
        return
    with pytest.raises(InvalidStatus) as refused:
        Listener(simulator, "o", origin=origin)
    assert refused.value.response.status_code == 403


def at_port(exchange: dict[str, Any], port: int) -> dict[str, Any]:
    """The same request to a server that listens elsewhere than the recorded one."""
    headers = json.loads(json.dumps(exchange["request"]["headers"]).replace("8188", str(port)))
    return {**exchange, "request": {**exchange["request"], "headers": headers}}
