"""A recording with WebSockets is replayed line by line: what was sent is sent, what was received must be received."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.beginnings import bring_to_start
from tests.simulator.comparison import Likeness, same_kind_of_bytes
from tests.simulator.listening import Binary, Closed, Listener
from tests.simulator.recordings import events
from tests.simulator.running import ArmedFault, RunningSimulator, eventually
from tests.simulator.scripts import SCRIPTS, Deed, Script

HANDSHAKE = (
    "GET /ws?clientId=deaf HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: hRCtGPFMsq5ibnBgbn1Ofg==\r\n\r\n"
)
# Answers whose values are those of the machine: only their fields are compared.
OF_THE_MACHINE = frozenset({"/system_stats"})


class Replay:
    """One recording against one simulator that has just been started."""

    def __init__(self, simulator: RunningSimulator, name: str) -> None:
        self.simulator = simulator
        self.lines = events(name)
        self.script = SCRIPTS.get(name, Script())
        self.likeness = Likeness(folders=_folders(simulator, "8190" if "poison" in name else "8188"))
        self.listeners: dict[str, Listener] = {}
        self.submitted: list[str] = []
        self.armed: dict[int, ArmedFault] = {}
        self.deaf = socket.socket()

    def run(self) -> None:
        bring_to_start(self.simulator, self.lines)
        try:
            for number, line in self._in_order():
                self._arrange(number)
                try:
                    self._play(number, line)
                except (AssertionError, TimeoutError) as error:
                    raise AssertionError(f"line {number}: {error}\n{json.dumps(line)[:2000]}") from error
        finally:
            for listener in self.listeners.values():
                listener.close()
            self.deaf.close()

    def _in_order(self) -> Iterator[tuple[int, dict[str, Any]]]:
        moved = {target: number for number, target in self.script.moves.items()}
        for number, line in enumerate(self.lines):
            if number in moved:
                yield moved[number], self.lines[moved[number]]
            if number not in self.script.moves:
                yield number, line

    def _arrange(self, number: int) -> None:
        for place, hold in enumerate(self.script.holds):
            if number in (hold.until, hold.awaited):
                self.armed[place].wait_until_struck()
            if number == hold.until:
                self.armed[place].clear()
            if number == hold.first:
                self.armed[place] = self.simulator.fault("stall", **hold.where)
        if number in self.script.highest:
            stem, highest = self.script.highest[number]
            _delete(self.simulator.output_directory.glob(f"{stem}_{highest + 1:05}_*"))
            (self.simulator.output_directory / f"{stem}_{highest:05}_.png").touch()
        if deed := self.script.deeds.get(number):
            self._do(deed)

    def _do(self, deed: Deed) -> None:
        deeds: Mapping[Deed, Callable[[], object]] = {
            Deed.DELETE_OUTPUTS: lambda: _delete(self.simulator.output_directory.glob("*.png")),
            Deed.KILL: self.simulator.kill,
            Deed.RESTART: self.simulator.restart,
            Deed.RESTART_AFTER_ITS_END: self._restart_after_its_end,
            Deed.TERMINATE: lambda: self._end_by(signal.SIGTERM),
            Deed.INTERRUPT: lambda: self._end_by(signal.SIGINT),
            Deed.WAIT_FINISHED: self._wait_finished,
            Deed.WAIT_WORKER_DEAD: lambda: eventually(lambda: not self.simulator.worker_alive),
            Deed.EMPTY_CACHE: lambda: self.simulator.http.post("/free", json={"free_memory": True}),
            Deed.DEAF_CLIENT_COMES: self._let_deaf_client_come,
            Deed.DEAF_CLIENT_GOES: self.deaf.close,
            Deed.HEAR_NOTHING: self._hear_nothing,
        }
        deeds[deed]()

    def _restart_after_its_end(self) -> None:
        assert self.simulator.wait_gone() == 1
        self.simulator.restart()

    def _let_deaf_client_come(self) -> None:
        self.deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.deaf.connect(("127.0.0.1", self.simulator.port))
        self.deaf.sendall(HANDSHAKE.encode())
        assert b"101 Switching Protocols" in self.deaf.recv(64)

    def _hear_nothing(self) -> None:
        assert all(listener.silent(0.2) for listener in self.listeners.values())

    def _end_by(self, number: signal.Signals) -> None:
        self.simulator.signal(number)
        assert self.simulator.wait_gone() == -number

    def _wait_finished(self) -> None:
        for prompt_id in self.submitted:
            self.simulator.wait_finished(prompt_id)

    def _play(self, number: int, line: dict[str, Any]) -> None:
        if "request" in line:
            self._exchange(number, line)
        elif "src" in line:
            self._hear(line["src"].removeprefix("ws:"), line)

    def _hear(self, label: str, line: dict[str, Any]) -> None:
        note = str(line.get("note", ""))
        if note.startswith("connected "):
            _, _, client_id = note.partition("?clientId=")
            self.listeners[label] = Listener(self.simulator, client_id or None)
        elif line.get("dir") == "client->server":
            self.listeners[label].send(line["json"] if isinstance(line["json"], str) else json.dumps(line["json"]))
        elif line.get("closed"):
            self._close(label, line["close_code"])
        else:
            self._compare_frame(line, self.listeners[label].next())

    def _close(self, label: str, code: int | None) -> None:
        listener = self.listeners[label]
        if code is not None:
            assert listener.next() == Closed(code)
            return
        assert listener.silent(0), "a frame too many"
        listener.close()
        self.simulator.wait_hung_up(f"cid{label}")

    def _compare_frame(self, line: dict[str, Any], frame: dict[str, Any] | Binary | Closed) -> None:
        if "binary" not in line:
            assert isinstance(frame, dict), frame
            self.likeness.check(line["text"], frame)
            return
        recorded = line["binary"]
        assert isinstance(frame, Binary), frame
        assert (frame.event, frame.image_type) == (recorded["event_type"], recorded.get("image_type"))
        self.likeness.check(recorded.get("metadata"), frame.metadata)
        assert frame.image.hex().startswith(recorded["payload_magic"])

    def _exchange(self, number: int, line: dict[str, Any]) -> None:
        request = line["request"]
        if "response" not in line:
            with pytest.raises(httpx.TransportError):
                self._send(request)
            return
        response = self._send(request)
        recorded = line["response"]
        assert response.status_code == recorded["status"], response.text
        if number in self.script.own_jobs:
            count = self.script.own_jobs[number]
            self.likeness.check(recorded["body"]["json"]["jobs"][:count], response.json()["jobs"][:count])
        else:
            compare_body(self.likeness, request["path"], recorded["body"], response)
        if (request["method"], request["path"], response.status_code) == ("POST", "/prompt", 200):
            self.submitted.append(response.json()["prompt_id"])

    def _send(self, request: Mapping[str, Any]) -> httpx.Response:
        request = self.likeness.translated(request)
        content = request.get("raw_body")
        return self.simulator.http.request(
            request["method"],
            request["path"],
            json=request.get("json"),
            content=content.encode() if content else None,
        )


def compare_body(likeness: Likeness, path: str, recorded: dict[str, Any], response: httpx.Response) -> None:
    """Whether a response's body is of the recorded kind, with the recorded values."""
    if recorded.get("empty"):
        assert response.content == b""
    elif "text" in recorded:
        assert response.text == recorded["text"]
    elif "first32_hex" in recorded:
        assert same_kind_of_bytes(recorded["first32_hex"], response.content), response.content[:32].hex()
    elif path in OF_THE_MACHINE:
        assert _shape(recorded["json"]) == _shape(response.json())
    else:
        likeness.check(recorded["json"], response.json())


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return type(value).__name__


def _folders(simulator: RunningSimulator, port: str) -> dict[str, str]:
    year = time.strftime("%Y")
    return {
        str(simulator.output_directory): f"/srv/out{port}",
        str(simulator.input_directory): f"/srv/state/{port}/input",
        str(simulator.root): "/srv",
        f"sub/dir/{year}-64": "sub/dir/2026-64",
    }


def _delete(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink()
