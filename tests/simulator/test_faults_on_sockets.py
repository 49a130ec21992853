"""WebSockets can be cut, refused, or left open and silent."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.simulator.graphs import noise, run
from tests.simulator.listening import Closed, Listener, listening
from tests.simulator.running import RunningSimulator, eventually

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_frozen_sockets_stay_open_and_say_nothing(simulator: RunningSimulator) -> None:
    with listening(simulator, "c") as listener:
        listener.until("status", sid="c")
        freeze = simulator.fault("freeze_sockets")
        run(simulator, "unheard", noise(), client_id="c")
        pong = listener.connection.ping()

        assert not pong.wait(0.1)
        assert listener.silent()

        freeze.clear()
        run(simulator, "heard", noise(), client_id="c")
        messages = listener.until("executing", node=None)
        assert {data["prompt_id"] for _, data in messages if "prompt_id" in data} == {"heard"}
        assert listener.connection.ping().wait(10)


def test_dropped_sockets_see_no_closing_handshake_and_may_come_back(simulator: RunningSimulator) -> None:
    with listening(simulator, "a") as first, listening(simulator, "b") as second:
        for listener in (first, second):
            listener.until("status")
        simulator.fault("drop_sockets")

        assert first.next() == second.next() == Closed(1006)
    with listening(simulator, "a") as again:
        again.until("status", sid="a")


def test_sockets_are_refused_for_a_while_after_a_drop(simulator: RunningSimulator) -> None:
    drop = simulator.fault("drop_sockets", refuse_seconds=600)
    with pytest.raises(InvalidStatus) as refused:
        Listener(simulator, "a")
    assert refused.value.response.status_code == 503

    drop.clear()
    with listening(simulator, "a") as listener:
        listener.until("status", sid="a")


def test_a_refusal_ends_by_itself(simulator: RunningSimulator) -> None:
    simulator.fault("drop_sockets", refuse_seconds=0.05)

    def admitted() -> bool:
        try:
            Listener(simulator, "a").close()
        except InvalidStatus:
            return False
        return True

    eventually(admitted)
