"""What ends is started again, but not for ever."""

import sys
from pathlib import Path

import pytest

from deploy.local.process import Command, Processes, ProcessFailed
from deploy.local.servers import Servers
from deploy.local.system import System
from deploy.local.up import TIMES, addresses, another_link, exports, keep_running, python
from shared.configuration.settings import Settings, load_settings

pytestmark = pytest.mark.system


def test_what_ends_again_and_again_ends_the_system_with_its_log(settings: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    command = Command(name="api", arguments=("sh", "-c", "echo address already in use; exit 1"), log=tmp_path / "log")
    with Processes(command) as processes:
        system = System("http://127.0.0.1:9", "key", settings, {}, processes, Servers("", ""), tmp_path)
        with pytest.raises(ProcessFailed, match=r"api ended 5 times in a row soon(.|\n)*already in use"):
            keep_running(system, said.append, lambda: False)
    assert len(said) == TIMES - 1
    assert said[0].startswith("api ended with code 1 and is started again; its log: ")


def test_it_goes_on_until_it_is_to_stop(settings: Settings, tmp_path: Path) -> None:
    command = Command(name="api", arguments=(sys.executable, "-c", "input()"), log=tmp_path / "log")
    said: list[str] = []
    with Processes(command) as processes:
        system = System("http://127.0.0.1:9", "key", settings, {}, processes, Servers("", ""), tmp_path)
        keep_running(system, said.append, lambda: bool(said))
        assert processes["api"].command is command


@pytest.mark.parametrize("user", ["ann:hunter2", "hunter2", "ann:hun@hunter2"])
def test_what_it_prints_shows_no_password_of_a_server(environ: dict[str, str], tmp_path: Path, user: str) -> None:
    given = {**environ, "COMFYUI_URLS": f"http://{user}@gpu:8188/comfy#slots=2"}
    with Processes() as processes:
        settings = load_settings(given)
        system = System("http://127.0.0.1:9", "key", settings, given, processes, Servers("", ""), tmp_path)
        printed = addresses(system) + "".join(exports(system))
    assert "@gpu:8188/comfy#slots=2" in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize(("port", "before"), [(8000, ""), (8123, "API_PORT=8123 ")])
def test_another_link_leads_to_the_port_that_this_one_has(
    settings: Settings, tmp_path: Path, port: int, before: str
) -> None:
    with Processes() as processes:
        system = System(f"http://127.0.0.1:{port}", "key", settings, {}, processes, Servers("", ""), tmp_path)
        command = another_link(system)
    assert command.startswith(f"{before}{python()} -m api_service.accounts.keys link")
