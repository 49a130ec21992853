"""The socket reads whatever comes at once, however large it is and however slow the job's own thread may be."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.simulator.graphs import Graph, node, submit, txt2img
from tests.simulator.listening import Binary, listening
from tests.simulator.running import RunningSimulator, running_simulator
from tests.worker_service.waiting import until
from worker_service.comfyui.bounded_socket import socket_address
from worker_service.comfyui.progress import ProgressSocket
from worker_service.run.prompt.mailbox import Mailbox, Signal

LARGE = 2048  # pixels a side: as noise, a PNG of more than EIGHT_MB
EIGHT_MB = 8_000_000  # more than lies on the way before the server is held up


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    """One that draws pictures that no encoder can shrink to nothing."""
    with running_simulator(draw="real") as simulator:
        yield simulator


@pytest.fixture
def mailbox() -> Mailbox:
    """Nobody waits at it: the job's thread is busy."""
    return Mailbox()


@pytest.fixture
def socket(simulator: RunningSimulator, mailbox: Mailbox) -> Iterator[ProgressSocket]:
    with closing(ProgressSocket(simulator.url, "ours")) as socket, socket.listening("ours", mailbox):
        socket.open()
        assert socket.connected.wait(20)
        yield socket


def pictures_over_the_socket() -> Graph:
    return {
        "1": node("EmptyImage", width=LARGE, height=LARGE, batch_size=2, color=8421504),
        "2": node("ImageAddNoise", image=["1", 0], seed=1, strength=0.5),
        "9": node("SaveImageWebsocket", images=["2", 0]),
    }


@pytest.mark.system
@pytest.mark.usefixtures("socket")
def test_a_job_whose_thread_is_busy_holds_up_nobody(simulator: RunningSimulator, mailbox: Mailbox) -> None:
    submit(simulator, "ours", pictures_over_the_socket(), client_id="ours")
    simulator.wait_finished("ours")
    with listening(simulator, "theirs") as theirs:
        submit(simulator, "theirs", txt2img(), client_id="theirs")
        theirs.until("execution_success", prompt_id="theirs")
    until(lambda: Signal.LOOK_SOON in mailbox.heard)


@pytest.mark.landing
@pytest.mark.system
@pytest.mark.usefixtures("socket")
def test_frames_of_many_megabytes_come_through_and_the_rest_after_them(
    simulator: RunningSimulator, mailbox: Mailbox
) -> None:
    with listening(simulator, "sizes") as sizes:
        submit(simulator, "sizes", pictures_over_the_socket(), client_id="sizes")
        picture = next(frame for frame in iter(sizes.next, None) if isinstance(frame, Binary))
    assert len(picture.image) > EIGHT_MB
    submit(simulator, "ours", pictures_over_the_socket(), client_id="ours")
    until(lambda: mailbox.states is not None and mailbox.states.nodes.get("9", (0, 0, ""))[2] == "finished")
    assert simulator.http.get("/simulator/executions").json()["sockets"] == ["ours"], "it was never closed"


def test_the_address_keeps_path_and_user_and_takes_the_sockets_scheme() -> None:
    assert socket_address("http://127.0.0.1:8188", client_id="a b") == "ws://127.0.0.1:8188/ws?clientId=a+b"
    assert socket_address("https://u:p@gpu/comfy/", client_id="x") == "wss://u:p@gpu/comfy/ws?clientId=x"
