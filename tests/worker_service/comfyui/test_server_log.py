"""What a server's own log says of the thread that runs prompts: recorded pieces, and what only looks like them."""

from collections.abc import Iterator

import pytest

from shared.jobs.errors import ComfyUIUnreachable
from tests.simulator.graphs import noise, run
from tests.simulator.running import BOTH, RunningSimulator
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.server_log import entries_of, read_log, says_that_the_thread_ended

HEADER = ["Exception in thread ", "Thread-3 (prompt_worker)", ":\n", "Traceback (most recent call last):\n"]
FRAME = ['  File "/comfyui/execution.py", line 318, in _async_map_node_over_list\n', "    ", "await f()", "\n", "^"]
LOGGED = (
    '[ERROR] Traceback (most recent call last):\n  File "/comfyui/execution.py", line 545, in execute\n    await f()\n'
)
DONE = "Prompt executed in 0.02 seconds\n"


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[ComfyUIClient]:
    client = ComfyUIClient(simulator.url)
    yield client
    client.close()


@pytest.mark.parametrize(
    "entries",
    [
        ["got prompt\n", *HEADER, *FRAME],
        ["got prompt\n", "Exception in thread ", "[INFO] got prompt\n", "Thread-3 (prompt_worker)", ":\n"],
        ["Exception in thread Thread-1 (prompt_worker):\nTraceback (most recent call last):\n"],
        ["^", "^", "\n", *FRAME, "^"],
        ['  File "C:\\ComfyUI\\execution.py", line 318, in process_inputs\n', "    "],
        ['  File "/comfyui/main.py", line 421, in prompt_worker\n'],
        [DONE, *HEADER, "got prompt\n"],
    ],
)
def test_the_thread_has_ended(entries: list[str]) -> None:
    assert says_that_the_thread_ended(entries)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        ["got prompt\n", LOGGED],
        [LOGGED, DONE],
        [*HEADER, *FRAME, DONE],
        ["Exception in thread ", "Thread-9 (watch_files)", ":\n"],
        ["Exception in thread ", *["x"] * 50, "Thread-3 (prompt_worker)"],
        ['  File "/comfyui/custom_nodes/pack/my_execution.py", line 3, in run\n'],
        ['  File "/comfyui/execution.py", line 318, in execute\n    await f()\n'],
    ],
)
def test_nothing_says_so(entries: list[str]) -> None:
    assert not says_that_the_thread_ended(entries)


@pytest.mark.parametrize(
    "answer", [{}, {"entries": None}, {"entries": ["a", 1, None, {"m": 3}, {"t": "x"}]}, {"entries": {"m": "x"}}]
)
def test_odd_logs_have_no_entries(answer: dict[str, object]) -> None:
    assert entries_of(answer) == []


@BOTH
def test_a_server_that_is_well_says_nothing_of_the_kind(simulator: RunningSimulator, client: ComfyUIClient) -> None:
    run(simulator, "0a1b2c3d-0000-4000-8000-000000000001", noise())
    entries = read_log(client)
    assert "got prompt\n" in entries
    assert not says_that_the_thread_ended(entries)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer", "status": 404},
        {"kind": "answer", "body": "[]"},
        {"kind": "gzip_bomb", "megabytes": 50},
        {"kind": "answer", "body": "{" + " " * 9_000_000 + "}"},
    ],
    ids=["not there", "no object", "a bomb", "too long"],
)
def test_a_log_that_cannot_be_read_is_no_evidence(
    simulator: RunningSimulator, client: ComfyUIClient, fault: dict[str, object]
) -> None:
    simulator.fault(**{"path": "/internal/logs", **fault})  # type: ignore[arg-type]
    with pytest.raises(ComfyUIUnreachable):
        read_log(client)
