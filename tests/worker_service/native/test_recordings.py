"""Recordings of one ComfyUI are replayed against this door: what a single client can see is as it was recorded."""

import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from starlette.testclient import TestClient, WebSocketTestSession

from tests.simulator.beginnings import bring_to_start
from tests.simulator.recordings import HELD, events, exchanges
from tests.simulator.running import RunningSimulator
from tests.worker_service.native.likeness import PoolLikeness
from tests.worker_service.native.sequences import polled
from tests.worker_service.running_worker import RunningWorker

pytestmark = pytest.mark.system

REPLAYED = (
    "0.8/ws/01_success_model_free",
    "0.8/ws/02_success_t2i_cold",
    "0.8/ws/03_success_t2i_warm_new_seed",
    "0.8/ws/04_previews_legacy_binary",
    "0.8/ws/05_previews_with_metadata",
    "0.8/ws/06_feature_flags_variants",
    "0.8/ws/14_two_clients",
    "0.8/ws/15_job_without_client_id",
    "0.8/ws/16_client_id_with_no_socket",
    "0.8/ws/16b_other_clients_id",
    "0.8/ws/19_late_connect",
    "0.8/ws/30_outputs",
    "0.33/ws/01_success_model_free",
    "0.33/ws/07_error_mid_run",
    "0.33/ws/08_errors_as_nodes_word_them",
    "0.33/ws/15_job_without_client_id",
    "0.33/ws/16_client_id_with_no_socket",
    "0.33/ws/18_reconnect_overlap",
    "0.33/ws/70_odd_progress",
    "0.33/ws/71_odd_frames",
)
# What these show a recording of the other ComfyUI shows too, or one that stands beside them, or a test of the door.
AT_LANDING = {"01_success", "02_success", "03_success", "04_previews", "15_job", "16_client", "16b_other", "30_outputs"}
# Why the others are not, by what their names begin with: see docs/decisions/0054.
NOT_REPLAYED: Mapping[str, str] = {
    "0.8/ws/07": "a job that failed keeps no outputs",
    "09_interrupt": "which node was interrupted is not in the record; test_queue_and_history.py, test_socket.py",
    "10_interrupt": "as 09",
    "11_delete": "it holds one job up; test_queue_and_history.py",
    "13_fully_cached": "nothing is empty here for a job without client_id",
    "17_reconnect": "what was told of a prompt is told from its start to who comes in the middle; test_socket.py",
    "0.8/ws/18": "both sockets of a client hear everything",
    "20_same_prompt_id": "an id names one prompt",
    "21_": "numbers are let pass",
    "22_save": "pictures that only a socket is sent are refused: nothing of them would be kept",
    "23_save": "as 22",
    "24": "as 20",
    "25_poison": "the prompts are refused or mended before they are sent",
    "26_": "who is named by no text is told nothing",
    "0.33/ws/30": "a text that a node took apart is whole again",
    "40_": "a server that dies takes no job with it",
    "41_": "as 40",
    "42_": "as 40",
    "50_": "no name is used again",
    "51_": "a reader that stalls holds nobody up",
    "60_": "as 40",
    "61_": "as 25",
    "62_": "as 25",
    "63_": "as 25",
}
UNFINISHED = ("pending", "in_progress")
# What is told of a prompt and how often does not depend on how fast its nodes are.
TOLD = ("execution_start", "execution_cached", "executed", "execution_success", "execution_error")


class Replay:
    """One recording against this door, with a worker behind it."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.client = client
        self.lines = events(name)
        self.likeness = PoolLikeness()
        self.sockets: dict[str, WebSocketTestSession] = {}
        self.recorded: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.flags = 0

    def run(self) -> None:
        with ExitStack() as stack:
            for number, line in enumerate(self.lines):
                try:
                    self.play(line, stack)
                except AssertionError as error:
                    raise AssertionError(f"line {number}: {error}\n{json.dumps(line)[:1000]}") from error
            for label in self.recorded:
                self.compare_frames(label)

    def play(self, line: dict[str, Any], stack: ExitStack) -> None:
        note, label = str(line.get("note", "")), line.get("src", "").removeprefix("ws:")
        if "request" in line:
            self.exchange(line)
        elif note.startswith("connected "):
            _, _, client_id = note.partition("?clientId=")
            self.sockets[label] = stack.enter_context(
                self.client.websocket_connect(f"/ws?clientId={client_id}" if client_id else "/ws")
            )
        elif line.get("dir") == "client->server":
            said = line["json"]
            self.sockets[label].send_text(said if isinstance(said, str) else json.dumps(said))
        elif "text" in line:
            self.recorded[label].append(line["text"])

    def exchange(self, line: dict[str, Any]) -> None:
        request, recorded = line["request"], line["response"]
        method, path = request["method"], self.likeness.translated(request["path"])
        if method == "GET" and path.startswith(("/history/", "/api/jobs/")) and recorded["body"].get("json"):
            if recorded["body"]["json"].get("status") in UNFINISHED:
                return  # how far it is at this moment is chance
            # One server has ended by then; here a pool is still at work.
            answer = polled(lambda: self.ended(path))
        else:
            answer = self.client.request(method, path, json=self.likeness.translated(request.get("json")))
        assert answer.status_code == recorded["status"], answer.text
        if "json" in recorded["body"] and path != "/queue":
            self.likeness.check(recorded["body"]["json"], answer.json())

    def ended(self, path: str) -> Any:
        answer = self.client.get(path)
        found = answer.json()
        return answer if found and found.get("status") not in UNFINISHED else None

    def compare_frames(self, label: str) -> None:
        """Each message about a prompt is as recorded, and they come in the order of its life."""
        expected = self.recorded[label]
        ends = [frame["data"]["prompt_id"] for frame in expected if is_end(frame)]
        heard: list[dict[str, Any]] = []
        flags = sum(frame["type"] == "feature_flags" for frame in expected)
        for prompt_id in ends:
            heard += self.heard_until(label, lambda frame, one=self.likeness.names[prompt_id]: is_end(frame, one))
        while sum(frame["type"] == "feature_flags" for frame in heard) < flags:
            heard += self.heard_until(label, lambda frame: frame["type"] == "feature_flags")
        for kind in (*TOLD, "feature_flags"):
            self.check_all(of(expected, kind), of(heard, kind), f"{label} {kind}")
        for prompt_id in ends:
            self.check_life(expected, heard, prompt_id)

    def check_all(self, recorded: list[Any], answered: list[Any], where: str) -> None:
        assert len(recorded) == len(answered), (where, recorded, answered)
        for one, other in zip(sorted(recorded, key=self.rank), sorted(answered, key=subject), strict=True):
            self.likeness.check(one, other, where)

    def rank(self, frame: Any) -> str:
        return subject(self.likeness.translated(frame))

    def check_life(self, recorded: list[Any], heard: list[Any], prompt_id: str) -> None:
        ours = self.likeness.names[prompt_id]
        entered = {
            frame["data"]["node"] for frame in of(recorded, "executing") if frame["data"]["prompt_id"] == prompt_id
        }
        mine = [frame for frame in heard if frame["data"].get("prompt_id") == ours]
        assert entered <= {frame["data"]["node"] for frame in of(mine, "executing")}
        kinds = [frame["type"] for frame in mine if not frame["type"].startswith("progress")]
        assert kinds[:2] == ["execution_start", "execution_cached"]
        assert kinds[-2] in {"execution_success", "execution_error"}

    def heard_until(self, label: str, holds: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while not (found and holds(found[-1])):
            message = self.sockets[label].receive()
            if message.get("text") is not None:
                found.append(json.loads(message["text"]))
        return found


def subject(frame: Mapping[str, Any]) -> str:
    """Of which prompt it is, and of which of its nodes."""
    return f"{frame['data'].get('prompt_id')} {frame['data'].get('node')}"


def of(frames: list[Any], kind: str) -> list[Any]:
    return [frame for frame in frames if frame["type"] == kind]


def is_end(frame: Mapping[str, Any], prompt_id: str | None = None) -> bool:
    data = frame["data"]
    is_last = frame["type"] == "executing" and data["node"] is None
    return is_last and prompt_id in {None, data["prompt_id"]}


def replayed() -> list[ParameterSet]:
    waiting = {name for name in REPLAYED for begin in AT_LANDING if name.startswith(f"0.8/ws/{begin}")}
    return [pytest.param(name, marks=pytest.mark.landing if name in waiting else ()) for name in REPLAYED]


@pytest.mark.parametrize("name", replayed())
def test_the_conversation_goes_as_recorded(
    client: TestClient, worker: RunningWorker, simulator: RunningSimulator, name: str
) -> None:
    bring_to_start(simulator, events(name))
    worker.look()
    Replay(client, name).run()


def test_every_recording_of_a_socket_is_replayed_or_said_not_to_be() -> None:
    others = {name for name in HELD if "/ws/" in name} - set(REPLAYED)
    said = {name for name in others for begin in NOT_REPLAYED if begin in name}
    assert others == said


# What is told apart here in another way, by the note of its recording.
OTHERWISE: Mapping[str, str] = {
    "invalid node type": "missing_node_type",  # as newer servers call it
    "node without class_type": "invalid_prompt",  # as older ones do
    "failed prompt with own prompt_id (is it remembered?)": "invalid_prompt_id",  # as newer ones do
}
# What ComfyUI finds out by loading files is found out by the server that runs the job.
FOUND_LATER = "LoadImage file does not exist (custom_validation_failed)"


@pytest.mark.parametrize("name", ["0.8/http/prompt_failures", "0.33/http/prompt_failures"])
def test_what_one_server_refuses_is_refused_by_the_same_words(client: TestClient, name: str) -> None:
    refused = [one for one in exchanges(name) if one["response"]["status"] == 400 and one["note"] != FOUND_LATER]
    for exchange in refused:
        request, recorded = exchange["request"], exchange["response"]["body"]["json"]
        answer = client.post("/prompt", content=request.get("raw_body") or json.dumps(request["json"]))
        said, note = answer.json(), exchange["note"]
        assert answer.status_code == 400, note
        assert said["error"]["type"] == OTHERWISE.get(note, recorded["error"]["type"]), note
        assert said["error"].keys() == recorded["error"].keys(), note
        for node_id in said["node_errors"].keys() & recorded["node_errors"].keys():
            ours, theirs = said["node_errors"][node_id], recorded["node_errors"][node_id]
            assert ours.keys() == theirs.keys(), note
            assert ours["dependent_outputs"] == theirs["dependent_outputs"], note
            assert sorted(one["type"] for one in ours["errors"]) == sorted(one["type"] for one in theirs["errors"]), (
                note
            )


@pytest.mark.parametrize("name", ["0.8/http/prompt_failures", "0.33/http/prompt_failures"])
def test_what_ends_in_a_500_there_is_refused_or_harmless_here(client: TestClient, name: str) -> None:
    for exchange in exchanges(name):
        if exchange["response"]["status"] == 500:
            request = exchange["request"]
            content = request.get("raw_body") or ("" if request["json"] is None else json.dumps(request["json"]))
            assert client.post("/prompt", content=content).status_code in {200, 400}
