"""What the environment says is tried first, and what is wrong with it is said in one line."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.local.demo import first_checkpoint
from deploy.local.environment import NoAnswer, check, chosen
from deploy.local.ports import free_ports
from deploy.local.process import CannotStart
from deploy.local.servers import Servers
from deploy.local.system import Plan, running_system
from shared.configuration.secrets.vault import new_key
from shared.configuration.server_urls import server_url
from shared.configuration.settings import SettingsError
from tests.simulator.running import RunningSimulator

NOBODY = "127.0.0.1:9"


class Stranger(BaseHTTPRequestHandler):
    """A web server that is no ComfyUI: it has one page, and that says {}."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/there/system_stats" else 404)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("app_env", ["dev", "demo", "test", "prod"])
def test_an_environment_that_names_nothing_passes(app_env: str) -> None:
    check(chosen({"APP_ENV": app_env}))


def test_servers_that_answer_pass(servers: Servers, simulator: RunningSimulator) -> None:
    check(
        {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis(3),
            "BROKER_URL": servers.redis(3),
            "COMFYUI_URLS": f"http://{NOBODY},{simulator.url}",
        }
    )


@pytest.mark.parametrize(
    ("variable", "url", "said"),
    [
        ("DATABASE_URL", f"postgresql://ann:secret@{NOBODY}/x", "Connection refused"),
        ("REDIS_URL", f"redis://:secret@{NOBODY}/1", "Connection refused"),
        ("BROKER_URL", f"redis://:secret@{NOBODY}/1", "Connection refused"),
        ("COMFYUI_URLS", f"http://ann:secret@{NOBODY}", "refused; start one, or unset the variable"),
        ("COMFYUI_URLS", f"http://{NOBODY},http://{NOBODY}/b,http://{NOBODY}/c", "refused, nor do the other 2; start"),
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(variable: str, url: str, said: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        check({variable: url})
    assert str(caught.value).startswith(f"{variable}: ")
    assert NOBODY in str(caught.value)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("path", "said"), [("/there", "no ComfyUI"), ("/elsewhere", "HTTP 404")])
def test_a_server_that_is_no_comfyui_does_not_pass(stranger: str, path: str, said: str) -> None:
    with pytest.raises(NoAnswer, match=said):
        check({"COMFYUI_URLS": stranger + path})


def test_a_server_behind_a_password_or_a_token_passes_and_a_wrong_one_is_said_to_be_wrong(
    simulator: RunningSimulator, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("secret")
    host = simulator.url.removeprefix("http://")
    simulator.fault("guard", value="Bearer secret")
    check({"COMFYUI_URLS": f"http://{host}#token_file={tmp_path / 'token'}"})
    for url, said in (
        (f"http://ann:secret@{host}", "HTTP 401: it asks for other credentials"),
        (f"http://{host}#token_file={tmp_path / 'none'}", "its token_file cannot be read: No such file"),
    ):
        with pytest.raises(NoAnswer, match=said) as caught:
            check({"COMFYUI_URLS": url})
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, ""), (200, "<html>"), (200, "[]"), (200, "{}"), (200, '{"checkpoints": []}'), (200, "null"), (500, "")],
)
def test_a_server_without_checkpoints_is_a_good_one(simulator: RunningSimulator, status: int, body: str) -> None:
    simulator.fault("answer", path="/models/checkpoints", status=status, body=body)
    check({"COMFYUI_URLS": simulator.url})
    checkpoint, problem = first_checkpoint([server_url(simulator.url)])
    assert checkpoint is None
    assert problem.startswith(f"ComfyUI at {simulator.url} ")


def test_its_checkpoints_are_asked_for_with_the_same_credentials(simulator: RunningSimulator, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    simulator.fault("guard", value="Bearer secret")
    found, _ = first_checkpoint([server_url(f"{simulator.url}#token_file={tmp_path / 'token'}")])
    assert found == "random_sd15.safetensors"


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL", "COMFYUI_URLS", "SOFT_TIME_LIMIT", "WORKER_THREADS"])
def test_a_wrong_variable_is_said_before_anything_is_started(tmp_path: Path, variable: str) -> None:
    plan = Plan(tmp_path / "system", durable=False, api_ports=free_ports())
    environ = {"PATH": os.environ["PATH"], variable: "wrong"}
    with (
        pytest.raises(SettingsError, match=f"^{variable}: 'wrong' is not accepted"),
        running_system(plan, environ, say=lambda text: pytest.fail(f"started {text}")),
    ):
        pass
    assert not (tmp_path / "system").exists()


def test_what_is_empty_is_unset_and_what_is_no_setting_is_passed_on() -> None:
    given = chosen(
        {"COMFYUI_URLS": "", "REDIS_URL_DEMO": " ", "NO_COLOR": "", "API_PORT_DEMO": "8001", "API_PORT": "1"}
    )
    assert given == {"APP_ENV": "demo", "NO_COLOR": "", "API_PORT": "8001"}


def test_a_file_of_keys_for_secrets_that_is_of_no_use_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="the file of SECRETS_KEY_FILE cannot be read: No such file or directory"):
        check({"SECRETS_KEY_FILE": str(tmp_path / "none")})
    (tmp_path / "keys").write_text(new_key())
    check({"SECRETS_KEY_FILE": str(tmp_path / "keys")})
