"""The client keeps to the protocol against a server that answers like the real one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.jobs.errors import ComfyUIUnreachable, OutputMissing, OutputWithheld, ServerUnfit, WorkflowRejected
from tests.simulator.graphs import Graph, node, noise
from tests.simulator.running import RunningSimulator
from worker_service.comfyui.answers import Finished, Gone, Running, Waiting
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.history_outputs import OutputFile

MEBIBYTE = 1024 * 1024


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[ComfyUIClient]:
    client = ComfyUIClient(simulator.url)
    yield client
    client.close()


def send(client: ComfyUIClient, prompt_id: str, graph: Graph | None = None) -> None:
    client.submit(graph or noise(), prompt_id=prompt_id, client_id=prompt_id)


def test_a_graph_of_which_only_a_part_would_run_is_refused_and_withdrawn(
    simulator: RunningSimulator, client: ComfyUIClient
) -> None:
    stall = simulator.fault("stall", at="take")
    graph = noise() | {"10": node("SaveImage", images=["2", 0])}
    with pytest.raises(WorkflowRejected, match=r"node 10 \(SaveImage\).*filename_prefix") as caught:
        send(client, "half", graph)
    (error,) = caught.value.details["node_errors"]
    assert (error["node_id"], error["field"], error["code"]) == ("10", "filename_prefix", "required_input_missing")
    stall.clear()
    send(client, "next")
    simulator.wait_finished("next")
    assert simulator.executions()["half"].started == 0
    assert client.locate("half") == Gone()


@pytest.mark.broad
def test_a_graph_beyond_the_servers_limit_is_refused_for_good(client: ComfyUIClient) -> None:
    graph = {"1": node("PreviewAny", source="x" * (100 * MEBIBYTE))}
    with pytest.raises(WorkflowRejected, match="larger than ComfyUI accepts"):
        send(client, "large", graph)
    assert client.locate("large") == Gone()


@pytest.mark.parametrize(
    "graph",
    [None, {"last_node_id": 9, "nodes": [], "links": []}],
    ids=["no graph", "a graph as the editor saves it"],
)
def test_what_the_server_cannot_read_is_a_server_error_and_nothing_is_queued(client: ComfyUIClient, graph: Any) -> None:
    with pytest.raises(ComfyUIUnreachable, match="POST /prompt answered 500"):
        client.submit(graph, prompt_id="odd", client_id="odd")
    assert client.locate("odd") == Gone()


def test_prompts_run_in_the_order_they_were_sent(simulator: RunningSimulator, client: ComfyUIClient) -> None:
    stall = simulator.fault("stall", at="take")
    sent = ["z", "a", "m"]
    for prompt_id in sent:
        send(client, prompt_id)
    assert [client.locate(prompt_id) for prompt_id in sent] == [Waiting()] * 3
    stall.clear()
    for prompt_id in sent:
        simulator.wait_finished(prompt_id)
    assert list(simulator.http.get("/history").json()) == sent


def test_a_prompt_is_found_wherever_it_is(simulator: RunningSimulator, client: ComfyUIClient) -> None:
    stall = simulator.fault("stall", at="node")
    assert client.locate("p") == Gone()
    send(client, "p")
    stall.wait_until_struck()
    send(client, "q")
    assert (client.locate("p"), client.locate("q")) == (Running(), Waiting())
    stall.clear()
    simulator.wait_finished("p")
    found = client.locate("p")
    assert isinstance(found, Finished)
    assert found.error is None


def test_a_withdrawn_prompt_is_the_only_one_that_ends(simulator: RunningSimulator, client: ComfyUIClient) -> None:
    stall = simulator.fault("stall", at="node")
    for prompt_id in ("runs", "waits", "waits too"):
        send(client, prompt_id)
    stall.wait_until_struck()
    client.withdraw("waits")
    client.withdraw("unknown")
    assert client.locate("waits") == Gone()
    stall.clear()
    assert simulator.wait_finished("runs").outcomes == ["success"]
    assert simulator.wait_finished("waits too").outcomes == ["success"]
    client.withdraw("runs")
    assert isinstance(client.locate("runs"), Finished)


def test_a_history_that_the_server_fails_to_write_down_has_ended(
    simulator: RunningSimulator, client: ComfyUIClient
) -> None:
    simulator.fault("answer", path="/history/one", status=500)
    found = client.locate("one")
    assert isinstance(found, Finished)
    assert isinstance(found.error, OutputWithheld)
    assert client.locate("another") == Gone()


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [1],
        {"prompt": [0, "one", {}], "outputs": {}, "status": None},
        {"prompt": [0, "one", {}], "outputs": ["x"], "status": {"status_str": "success"}},
        {"prompt": [0, "one", {}], "outputs": {}, "status": {"status_str": "error", "messages": [5]}},
    ],
    ids=str,
)
def test_a_history_that_nobody_understands_costs_its_prompt_and_not_the_server(
    simulator: RunningSimulator, client: ComfyUIClient, entry: Any
) -> None:
    body = "<html>" if entry is None else json.dumps({"one": entry})
    fault = simulator.fault("answer", path="/history/one", body=body)
    found = client.locate("one")
    assert isinstance(found, Finished)
    assert isinstance(found.error, OutputWithheld)
    fault.clear()
    simulator.fault("answer", path="/history", body=body)
    with pytest.raises(ComfyUIUnreachable):
        client.locate("one")


def test_a_server_that_fails_for_every_history_is_unreachable(
    simulator: RunningSimulator, client: ComfyUIClient
) -> None:
    simulator.fault("answer", path="/history", status=500)
    with pytest.raises(ComfyUIUnreachable, match="500"):
        client.locate("one")


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (OutputFile("9", "nope.png", "", "output"), 404),
        (OutputFile("9", "nope.png", "", "elsewhere"), 400),
        (OutputFile("9", "../nope.png", "", "output"), 400),
        (OutputFile("9", "nope.png", "../..", "output"), 403),
    ],
    ids=["missing", "unknown folder", "bad name", "outside"],
)
def test_a_file_that_is_not_served_is_missing(
    client: ComfyUIClient, file: OutputFile, status: int, tmp_path: Path
) -> None:
    with pytest.raises(OutputMissing, match=f"answers {status}"):
        client.download(file, tmp_path / "file")


def test_names_with_spaces_signs_and_subfolders_are_read(
    simulator: RunningSimulator, client: ComfyUIClient, tmp_path: Path
) -> None:
    send(client, "p", noise(prefix="a b/grüße & 100%+#"))
    simulator.wait_finished("p")
    found = client.locate("p")
    assert isinstance(found, Finished)
    (file,) = found.outputs
    assert isinstance(file, OutputFile)
    client.download(file, tmp_path / "file")
    (written,) = simulator.output_directory.rglob("*.png")
    assert (tmp_path / "file").read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/queue", "{}"),
        ("/queue", '{"queue_running": 5, "queue_pending": []}'),
        ("/queue", '{"queue_running": [[]], "queue_pending": [null]}'),
        ("/history", '{"p": {}}'),
        ("/history", '{"p": 5}'),
        ("/history", '{"p": {"prompt": [1, 2, {}], "outputs": {}, "status": {"messages": [5]}}}'),
        (
            "/history",
            '{"p": {"prompt": [1, 2, {}], "outputs": {}, "status": {"messages": [["execution_error", 5]]}}}',
        ),
    ],
)
def test_an_odd_queue_or_history_is_one_that_does_not_answer(
    simulator: RunningSimulator, client: ComfyUIClient, path: str, body: str
) -> None:
    simulator.fault("answer", path=path, body=body)
    with pytest.raises(ComfyUIUnreachable):
        client.locate("p")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("a\nb", ServerUnfit),
        ("../../x?y#z", ServerUnfit),
        ("\ud800\0", ServerUnfit),
        ("y" * 100_000, ComfyUIUnreachable),
    ],
    ids=["line", "path", "odd", "long"],
)
def test_an_id_that_no_address_can_have_is_the_servers_fault(
    simulator: RunningSimulator, client: ComfyUIClient, given: str, error: type[Exception]
) -> None:
    simulator.fault("answer", path="/prompt", body=json.dumps({"prompt_id": given}))
    with pytest.raises(error):
        client.submit(noise(), prompt_id="p", client_id="p")
