"""Programs that were written for one ComfyUI work here as they are: the address is all that they are told.

They are no part of this project's environment. `make clients` installs them, see docs/clients.md; without them these
tests are skipped.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deploy.local.ports import free_ports
from tests.api_service.conftest import new_key
from tests.api_service.serving import Served, served
from tests.clients import PYTHON
from tests.simulator.graphs import noise
from tests.worker_service.deployment import Deployment

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_S = 120

pytestmark = [
    pytest.mark.system,
    pytest.mark.landing,
    pytest.mark.skipif(not PYTHON, reason="`make clients` was not run: there are no clients"),
]


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    graph: dict[str, Any] = noise()
    for name, title in {"1": "Empty", "2": "Noise", "9": "Save"}.items():
        graph[name]["_meta"] = {"title": title}
    Image.new("RGB", (8, 8)).save(tmp_path / "workflow.png")
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(graph))
    return file


def said(tmp_path: Path, *arguments: object) -> str:
    """What a program prints. It fails as the program does."""
    environ = {**os.environ, "HOME": str(tmp_path), "NO_PROXY": "*", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [str(one) for one in arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def program(name: str) -> tuple[str, Path]:
    return PYTHON, PROGRAMS / name


def test_comfy_api_simplified(api: Served, workflow: Path, tmp_path: Path) -> None:
    """With the key as the password of Basic, also in the address of its WebSocket."""
    assert said(tmp_path, *program("simplified.py"), f"http://{api.address}", api.key, workflow).endswith(":PNG")


@pytest.mark.usefixtures("worker")
def test_comfy_api_simplified_on_a_port_of_its_own_beside_a_path(
    deployment: Deployment, workflow: Path, tmp_path: Path
) -> None:
    """The API is below a path of a proxy; the port is not."""
    port, key = next(free_ports()), new_key(deployment.messenger.engine)
    told = {**deployment.environ, "NATIVE_PORT": str(port), "ROOT_PATH": "/make/pictures"}
    with served(told, key, tmp_path):
        assert said(tmp_path, *program("simplified.py"), f"http://127.0.0.1:{port}", key, workflow).endswith(":PNG")


def test_comfyui_workflow_client(api: Served, address_key: str, workflow: Path, tmp_path: Path) -> None:
    """With the key in the address, which it joins as text."""
    address = f"{api.address}/c/{address_key}"
    assert said(tmp_path, *program("workflow_client.py"), address, workflow) == "(64, 64) (64, 64)"


def test_comfyscript(api: Served, address_key: str, tmp_path: Path) -> None:
    """With the key in the address, and three workflows at once, of which none is taken for not run."""
    found = said(tmp_path, *program("comfyscript.py"), f"http://{api.address}/c/{address_key}/")
    assert "has not been executed" not in found
    assert "RESULTS [(64, 64), (64, 64), (64, 64)]" in found


def test_comfy_cli(api: Served, workflow: Path, tmp_path: Path) -> None:
    """With host and port alone, from a network that is trusted."""
    host, _, port = api.address.partition(":")
    command = Path(PYTHON).with_name("comfy")
    found = said(
        tmp_path,
        *(command, "--skip-prompt", "--no-enable-telemetry", "--json", "run", "--workflow", workflow),
        *("--host", host, "--port", port, "--wait", "--timeout", 60),
    )
    assert ".png" in found


def test_a_script_around_websocket_client(api: Served, address_key: str, tmp_path: Path) -> None:
    """As ComfyUI's own examples are: one node saves its picture, and another one sends it over the socket."""
    graph = noise() | {"sender": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["2", 0]}}}
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(graph))
    address = f"{api.address}/c/{address_key}"
    found = json.loads(said(tmp_path, *program("websocket_script.py"), address, file, "sender"))
    assert found == {"sent": ["PNG"], "files": ["PNG", "PNG"]}
