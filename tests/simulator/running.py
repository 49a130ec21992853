"""A simulator in a process of its own, for the length of a `with` block."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from tests.simulator.process import Option, first_line, option

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 40.0  # what takes longer does not come about, however slow the machine is

# Unless told otherwise: no time for work that nobody watches, and pictures nobody looks at.
# Most tests name their prompts by words, which only ComfyUI 0.8 takes; BOTH runs a test with the newer one as well.
QUICK: Mapping[str, Option] = MappingProxyType(
    {"step_seconds": 0, "load_seconds": 0, "draw": "flat", "protocol": "0.8"}
)
BOTH = pytest.mark.parametrize("protocol", ["0.8", "0.33"])
# Whole systems speak as 0.8, and so do most tests of the worker.
OLDER_AT_LANDING = pytest.mark.parametrize("protocol", ["0.33", pytest.param("0.8", marks=pytest.mark.landing)])
# For what hardly depends on it, while other tests tell the two apart.
BOTH_AT_LENGTH = pytest.mark.parametrize("protocol", ["0.33", pytest.param("0.8", marks=pytest.mark.long)])


@dataclass(frozen=True)
class Execution:
    """What really happened to one prompt_id, over all its submissions and the simulator's restarts."""

    accepted: int
    started: int
    finished: int
    outcomes: list[str]  # of success, error, interrupted
    nodes: list[str]  # ids of the nodes that ran, in order
    filename_prefixes: list[str]
    client_id: Any


@dataclass(frozen=True)
class ArmedFault:
    """A fault that was armed; see deploy/simulator/endpoints/control.py for the kinds."""

    number: int
    simulator: "RunningSimulator"

    def wait_until_struck(self, within: float = PATIENCE_S) -> None:
        """Return once it has struck; AssertionError if it does not."""
        answer = self.simulator.http.get(f"/simulator/faults/{self.number}", params={"within": within})
        assert answer.status_code == 200, answer.text

    def clear(self) -> None:
        """Take it back; what it holds goes on."""
        self.simulator.http.delete(f"/simulator/faults/{self.number}").raise_for_status()


class RunningSimulator:
    """One simulator with folders of its own, which outlast `kill` and `restart`."""

    def __init__(self, root: Path, options: dict[str, Option]) -> None:
        self.root = root
        self.output_directory = root / "output"
        self.temp_directory = root / "temp"
        self.input_directory = root / "input"
        self.port = 0
        self.http = httpx.Client()
        self._options = options
        self._spoken: dict[str, Option] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the simulator is not running"
        return self._process.pid

    def fault(self, kind: str, **fields: Any) -> ArmedFault:
        """Arm a fault; AssertionError with the simulator's words if it is none."""
        answer = self.http.post("/simulator/faults", json={"kind": kind, **fields})
        assert answer.status_code == 201, answer.text
        return ArmedFault(answer.json()["id"], self)

    def clear_faults(self) -> None:
        self.http.delete("/simulator/faults").raise_for_status()

    def executions(self) -> dict[str, Execution]:
        """By prompt_id; a journal keeps them over kills and restarts."""
        prompts = self.http.get("/simulator/executions").json()["prompts"]
        return {prompt_id: Execution(**facts) for prompt_id, facts in prompts.items()}

    @property
    def worker_alive(self) -> bool:
        return bool(self.http.get("/simulator/executions").json()["worker_alive"])

    def wait_hung_up(self, client_id: str) -> None:
        """Return once the simulator has noticed that the client's socket is closed."""
        eventually(lambda: client_id not in self.http.get("/simulator/executions").json()["sockets"])

    def wait_finished(self, prompt_id: str, *, times: int = 1, within: float = PATIENCE_S) -> Execution:
        """Return once that prompt has finished so many times, its history entry written."""
        parameters: dict[str, str | float] = {"prompt_id": prompt_id, "times": times, "within": within}
        answer = self.http.get("/simulator/executions", params=parameters)
        assert answer.status_code == 200, answer.text
        return Execution(**answer.json()["prompts"][prompt_id])

    def pace(self, **seconds: float | None) -> None:
        """Change step_seconds, load_seconds, node_seconds, gpu_seconds, write_seconds or history_seconds."""
        answer = self.http.post("/simulator/pace", json=seconds)
        assert answer.status_code == 200, answer.text

    def forget_pictures(self) -> None:
        """Lose what is in the cache of pictures, as a server does that has too many."""
        self.http.delete("/simulator/pictures").raise_for_status()

    def speak(self, protocol: str) -> None:
        """Speak as that ComfyUI ("0.8" or "0.33") from now on, over restarts and until a reset."""
        self._spoken = {"protocol": protocol}
        self.http.post("/simulator/protocol", json={"name": protocol}).raise_for_status()

    def start(self, port: int = 0) -> None:
        """Start the process and wait for its line."""
        log = (self.root / "simulator.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command(port), cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        line = first_line(self._process)
        if not line.startswith("ComfyUI simulator listening on "):
            raise RuntimeError(f"the simulator did not start: {line!r}\n{self.log()}")
        self.port = int(line.rsplit(":", 1)[1])
        self.http.close()
        # trust_env: a proxy set for the machine must not come between.
        self.http = httpx.Client(base_url=self.url, timeout=1.5 * PATIENCE_S, trust_env=False)

    def kill(self) -> None:
        """End it as kill -9 does, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait_gone()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait_gone(self, within: float = PATIENCE_S) -> int:
        """The exit status: negative if a signal ended it."""
        assert self._process is not None, "the simulator is not running"
        status = self._process.wait(timeout=within)
        self._forget_process()
        return status

    def resume(self) -> None:
        """Let it go on after a SIGSTOP; nothing if it goes on, or is not running."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Start again on the same port and folders, ending what still runs."""
        self.stop()
        self.start(self.port)

    def reset(self) -> None:
        """Make it as if just started, with empty folders: much quicker than another one."""
        self._spoken = {}
        if self._process is not None and self._process.poll() is None:
            with suppress(httpx.TransportError):
                if self.http.post("/simulator/reset", params={"within": 2}).status_code == 204:
                    return
        self.stop()
        for folder in (self.output_directory, self.temp_directory, self.input_directory):
            shutil.rmtree(folder, ignore_errors=True)
        (self.root / "journal.jsonl").unlink(missing_ok=True)
        self.start(self.port)

    def stop(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                os.kill(self._process.pid, signal.SIGTERM)
                self._process.wait(timeout=PATIENCE_S)
            self._forget_process()
        self.http.close()

    def log(self) -> str:
        """What it wrote to its standard error."""
        return (self.root / "simulator.log").read_text(errors="replace")

    def _forget_process(self) -> None:
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def _command(self, port: int) -> list[str]:
        folders: dict[str, Option] = {
            "output_directory": self.output_directory,
            "temp_directory": self.temp_directory,
            "input_directory": self.input_directory,
            "journal": self.root / "journal.jsonl",
            "until_stdin_closes": True,
        }
        command = [sys.executable, "-m", "deploy.simulator", "--port", str(port)]
        for name, value in {**QUICK, **folders, **self._options, **self._spoken}.items():
            command += option(f"--{name.replace('_', '-')}", value)
        return command


@contextmanager
def running_simulator(*, port: int = 0, **options: Option) -> Iterator[RunningSimulator]:
    """A simulator that runs until the end of the block.

    `options` are those of the command line with underscores: step_seconds=0.05, draw="real", checkpoint=["a", "b"].
    Without them it takes no time for its work and draws one colour. Its folders are temporary; one given as
    output_directory is left as it is at the end.
    """
    root = Path(tempfile.mkdtemp(prefix="simulator-test-")).resolve()
    simulator = RunningSimulator(root, options)
    for name in ("output_directory", "temp_directory", "input_directory"):
        if isinstance(options.get(name), str | Path):
            setattr(simulator, name, Path(str(options[name])).resolve())
    try:
        simulator.start(port)
        yield simulator
    finally:
        simulator.stop()
        shutil.rmtree(root, ignore_errors=True)


def eventually(holds: Callable[[], bool], *, within: float = PATIENCE_S) -> None:
    """Wait for what nothing announces, such as a thread that dies; AssertionError if it does not come about."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)
