"""What somebody meets who starts the system for the first time, and stops it, and starts it again."""

import os
import re
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from PIL import Image

from deploy.local.cluster import hold
from deploy.local.demo import ProgressBar
from deploy.local.ports import free_ports
from tests.deploy_local.watching import gone
from tests.journeys.conftest import until
from tests.journeys.launching import PATIENCE_S, ROOT, Launched, launched
from tests.simulator.running import running_simulator

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

# A make that does not set up what the tests run in: they may be running in it.
MAKE = 'make() { command make -o .venv/ready "$@"; }\n'


def pasted(lines: str, folder: Path) -> str:
    """What a shell says that is fed these lines. It knows nothing of the tests' own environment."""
    done = subprocess.run(
        ["sh", "-e"],
        input=MAKE + lines,
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
    return done.stdout


def to_paste(up: Launched, heading: str) -> str:
    """The indented lines below a heading of what it said."""
    below = up.says("Look inside").partition(heading)[2].partition("\n")[2]
    found = re.match(r"(?:(?:  .*)?\n)+", below)
    assert found, below
    return found[0]


def address(up: Launched, name: str, pattern: str = r"(\S+)") -> str:
    found = re.search(rf"^  {name} +{pattern}", up.said(), re.MULTILINE)
    assert found, up.said()
    return found[1]


@pytest.mark.landing
def test_what_it_prints_works_when_it_is_pasted_and_a_second_start_is_where_the_first_was(tmp_path: Path) -> None:
    with launched("up", tmp_path) as up:
        assert "picture.png has" in pasted(to_paste(up, "Make a picture"), tmp_path)
        with Image.open(tmp_path / "picture.png") as picture:
            assert picture.format == "PNG"
        inside = pasted(to_paste(up, "Look inside"), ROOT)
        assert "genonaut_demo:" in inside, "make redis-keys-demo"
        assert "made by the launcher" in inside, "keys list"
        assert "a lighthouse at dusk" in inside or "psql" not in up.said()
        assert httpx.get(address(up, "docs")).status_code == 200
        assert all(Path(folder).is_dir() for folder in address(up, "data", r"(.+)").split(" and "))
        before = addresses(up)
        up.process.send_signal(signal.SIGINT)
        up.ended()
        with launched("up", tmp_path) as again:
            again.says("Look inside")
            assert addresses(again) == before
            comfyui = httpx.get(address(again, "health")).json()["comfyui"]
            assert comfyui["detail"] == "1 of 1 usable", "and no dead one"


def addresses(up: Launched) -> list[str]:
    """What stays the same. API_PORT is 0 here, so that the API's does not."""
    return [address(up, name) for name in ("key", "ComfyUI", "PostgreSQL", "Redis")]


class Impostor(BaseHTTPRequestHandler):
    """Somebody else's service, that answers to everything as ours does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}' if "live" in self.path else b'{"status": "ready"}')

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def taken_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Impostor) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("variable", ["API_PORT", pytest.param("API_PORT_DEMO", marks=pytest.mark.landing)])
def test_a_taken_port_is_named_at_once_with_what_to_do(tmp_path: Path, taken_port: int, variable: str) -> None:
    with launched("up", tmp_path, None, **{variable: str(taken_port)}) as up:
        assert up.ended() == 1
    last = up.said().splitlines()[-1]
    assert last.startswith(f"Port {taken_port} of 127.0.0.1 is taken by another program. Choose another: {variable}=")
    instead = shlex.split(last.partition("another: ")[2])
    assert instead[1:] == ["make", "up"]
    with socket.create_server(("127.0.0.1", int(instead[0].partition("=")[2]))):
        pass
    assert "PostgreSQL" not in up.said(), "nothing was started"
    assert "gn_" not in up.said()


def test_a_second_one_in_the_same_folder_says_so_and_not_that_its_port_is_taken(
    tmp_path: Path, taken_port: int
) -> None:
    held = hold(tmp_path / "data")
    with launched("up", tmp_path, API_PORT=str(taken_port)) as up:
        assert up.ended() == 1
    os.close(held)
    assert "is in use by another run" in up.said().splitlines()[-1]


MOMENTS = [
    ("up", ""),
    pytest.param("demo", "POST", marks=pytest.mark.landing),
    pytest.param("demo", "PostgreSQL and Valkey", marks=pytest.mark.long),
    pytest.param("up", "migrations", marks=pytest.mark.long),
    pytest.param("up", "API, worker", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("deed", "moment"), MOMENTS)
def test_ctrl_c_at_any_moment_leaves_no_traceback_and_nothing_behind(tmp_path: Path, deed: str, moment: str) -> None:
    with launched(deed, tmp_path) as launcher:
        seen = []
        if moment:
            launcher.says(moment)
            seen = launcher.children()
        else:
            until(lambda: b"deploy.local" in Path(f"/proc/{launcher.process.pid}/cmdline").read_bytes())
        launcher.process.send_signal(signal.SIGINT)
        code = launcher.ended()
        elsewhere = list(launcher.data.rglob("elsewhere"))
        if deed == "demo":
            assert elsewhere == [], "what is thrown away is removed"
        assert all((link / "data").is_dir() for link in elsewhere), "what is kept is whole"
        until(lambda: all(map(gone, seen)))
    assert code in {130, -signal.SIGINT}
    if moment:
        assert launcher.said().splitlines()[-1] == "Stopped, with everything that was started."
        assert "Traceback" not in launcher.said()


@pytest.mark.landing
def test_under_nohup_it_survives_its_shell_and_two_ctrl_c_stop_it_no_worse_than_one(tmp_path: Path) -> None:
    with launched("up", tmp_path, signal.SIGHUP) as up:
        up.says("Look inside")
        children = up.children()
        up.process.send_signal(signal.SIGHUP)
        assert httpx.get(address(up, "health")).json()["status"] == "ready"
        up.process.send_signal(signal.SIGINT)
        until(lambda: any(map(gone, children)))
        up.process.send_signal(signal.SIGINT)
        assert up.ended() == 130
        assert all(map(gone, children))
    assert "Traceback" not in up.said()


@pytest.mark.landing
def test_a_hang_up_of_its_terminal_stops_it_otherwise(tmp_path: Path) -> None:
    with launched("up", tmp_path) as up:
        up.says("PostgreSQL and Valkey")
        up.process.send_signal(signal.SIGHUP)
        assert up.ended() == 128 + signal.SIGHUP


@pytest.mark.landing
def test_it_starts_where_one_server_answers_and_none_has_a_checkpoint(tmp_path: Path) -> None:
    with (
        running_simulator(checkpoint=[""]) as bare,
        launched("up", tmp_path, COMFYUI_URLS=f"http://127.0.0.1:9,{bare.url}") as up,
    ):
        lines = to_paste(up, "Make a picture")
        assert "No server has a checkpoint yet" in lines
        assert '"checkpoint_model": "NAME.safetensors"' in lines


@pytest.mark.landing
def test_the_demo_takes_the_server_that_answers(tmp_path: Path) -> None:
    with (
        running_simulator() as comfyui,
        launched("demo", tmp_path, COMFYUI_URLS=f"http://127.0.0.1:9,{comfyui.url}") as demo,
    ):
        assert demo.ended() == 0, demo.said()
    assert "No model was used" not in demo.said()


def test_the_progress_of_a_demo_ends_with_the_end_though_a_node_was_at_100_percent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar = ProgressBar()
    bar.show({"type": "processing", "data": {"percentage": 100.0, "node_type": "SaveImage"}})
    bar.show({"type": "completed"})
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["SaveImage", "completed"]


@pytest.mark.landing
def test_a_demo_that_fails_says_so_last(tmp_path: Path) -> None:
    with running_simulator(checkpoint=[""]) as bare, launched("demo", tmp_path, COMFYUI_URLS=bare.url) as demo:
        assert demo.ended() == 1
    assert demo.said().splitlines()[-1] == (
        f"ComfyUI at {bare.url} has no checkpoint; put one into its models/checkpoints"
    )


def test_a_misspelt_variable_is_named_by_the_launcher(tmp_path: Path) -> None:
    port = next(free_ports())
    with (
        socket.create_server(("127.0.0.1", port)),
        launched("up", tmp_path, API_PORT=str(port), COMFY_URLS="http://gpu:8188") as up,
    ):
        assert up.ended() == 1
    assert "COMFY_URLS is not a setting and has no effect: COMFYUI_URLS was probably meant" in up.said()
