"""The process says when it is ready, explains itself, and leaves nothing behind when it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.simulator.running import REPOSITORY, running_simulator

pytestmark = [pytest.mark.system, pytest.mark.landing]

COMMAND = [sys.executable, "-m", "deploy.simulator"]


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process with its temporary folders under `folder`, and its first line."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_temporary_folders(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (process, line):
        url = line.removeprefix("ComfyUI simulator listening on ").strip()
        assert httpx.get(f"{url}/prompt", trust_env=False).status_code == 200
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)

    assert process.returncode == -number
    assert (rest, errors) == ("", "")  # One line and nothing else.
    assert list(tmp_path.iterdir()) == []


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    with started(tmp_path, "--until-stdin-closes") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0

    assert list(tmp_path.iterdir()) == []


def test_folders_given_are_made_and_left(tmp_path: Path) -> None:
    output = tmp_path / "made" / "here"
    with started(tmp_path, "--output-directory", str(output)) as (process, _):
        assert output.is_dir()
        process.terminate()
        process.wait(timeout=10)

    assert list(tmp_path.iterdir()) == [tmp_path / "made"]
    assert output.is_dir()


def test_help_explains_every_option() -> None:
    page = subprocess.run([*COMMAND, "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    for option in ("--step-seconds", "--gpu-seconds", "--checkpoint", "--output-directory", "--draw", "/simulator/"):
        assert option in page


@pytest.mark.parametrize("arguments", [["--step-seconds", "-1"], ["--draw", "badly"], ["--gpu-seconds", "soon"]])
def test_a_bad_option_is_refused(arguments: list[str]) -> None:
    ended = subprocess.run([*COMMAND, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert arguments[0] in ended.stderr


def test_a_port_can_be_chosen_and_is_kept_over_a_restart() -> None:
    with running_simulator() as first:
        port = first.port
        first.kill()
        first.restart()
        assert first.port == port
        assert first.http.get("/prompt").status_code == 200


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with running_simulator() as first:
        ended = subprocess.run(
            [*COMMAND, "--port", str(first.port)],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"cannot listen on 127.0.0.1:{first.port}: ")
    assert list(tmp_path.iterdir()) == []


def test_importing_it_loads_nothing_of_the_services() -> None:
    program = (
        "import sys, deploy.simulator.server; "
        "print([name for name in sys.modules if name.split('.')[0] in ('api_service', 'worker_service', 'shared')])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"
