"""@saintno/comfyui-sdk works here as it is, under Node: it submits, watches, fetches and cancels.

`make clients` installs it, see docs/clients.md; without it this test is skipped.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.api_service.serving import Served
from tests.clients import NODE, NODE_MODULES
from tests.simulator.graphs import txt2img
from tests.worker_service.deployment import Deployment
from tests.worker_service.native.test_real_clients import PROGRAMS

pytestmark = [
    pytest.mark.system,
    pytest.mark.landing,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not NODE_MODULES, reason="`make clients` was not run: there is no @saintno/comfyui-sdk"),
]


def test_saintno_comfyui_sdk(api: Served, deployment: Deployment, tmp_path: Path) -> None:
    """With the key as a bearer token: two prompts at once, what it asks of a server, and one that it interrupts."""
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(txt2img()))
    arguments = (NODE, PROGRAMS / "saintno.mjs", NODE_MODULES, f"http://{api.address}", api.key, graph)
    with subprocess.Popen(
        [str(one) for one in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin
        assert program.stdout
        try:
            seen = json.loads(program.stdout.readline())
            assert seen["made"] == ["PNG", "PNG"]
            assert (seen["uploaded"], seen["histories"], seen["remaining"]) == ("cat.png", 2, 0)
            assert seen["queue"] == {"queue_running": [], "queue_pending": []}
            assert (seen["devices"], seen["defs"], seen["free"]) == (1, ["KSampler"], True)
            assert "random_sd15.safetensors" in seen["checkpoints"]
            stall = deployment.comfyui.fault("stall", step=2)
            program.stdin.write("go on\n")
            program.stdin.flush()
            assert program.stdout.readline() == "interrupted\n"
            stall.clear()
            assert json.loads(program.stdout.readline())["failed"]
        finally:
            program.kill()
