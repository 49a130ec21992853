"""A server behind a password, a token or a path is used like any other, and nothing shows its secret."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.configuration.server_urls import server_url
from shared.jobs.errors import ComfyUIUnreachable
from shared.models import ComfyUIServer, EventType, Outcome
from tests.simulator.running import RunningSimulator, running_simulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.inputs.uploads import InputFile, Presence, presence, upload

pytestmark = pytest.mark.system

SECRET = "hunter2"
BASIC = "Basic " + base64.b64encode(b"ann:hunter2").decode()


@pytest.fixture(scope="module", params=["0.8", "0.33"])
def guarded(request: pytest.FixtureRequest) -> Iterator[RunningSimulator]:
    """One below a path, as behind a proxy."""
    with running_simulator(base_path="/comfy", protocol=request.param) as simulator:
        yield simulator


def urls(simulator: RunningSimulator, folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """By the way of asking: the URL to give, and the guard that lets it in."""
    (folder / "token").write_text(f"{SECRET}\n")
    (folder / "header").write_text(f"X-API-Key: {SECRET}")
    address = f"{simulator.url}/comfy"
    return {
        "password": (address.replace("://", f"://ann:{SECRET}@"), {"value": BASIC}),
        "token": (f"{address}#token_file={folder / 'token'}", {"value": f"Bearer {SECRET}"}),
        "header": (f"{address}#token_file={folder / 'header'}", {"header": "X-API-Key", "value": SECRET}),
    }


@pytest.mark.parametrize("way", ["password", "token", "header"])
def test_a_job_runs_there_with_its_progress_and_its_secret_is_nowhere(
    deployment: Deployment,
    guarded: RunningSimulator,
    listener: Listener,
    tmp_path: Path,
    way: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    guarded.clear_faults()
    url, guard = urls(guarded, tmp_path)[way]
    guarded.fault("guard", **guard)
    with deployment.worker(COMFYUI_URLS=url) as worker:
        worker.listen()
        stall = guarded.fault("stall", step=2)  # of a prompt that is over at once no progress is published
        job_id = deployment.submit(steps=3, params={"seed": len(way)})  # nothing of which is cached
        events = listener.until(job_id, lambda event: event.type is EventType.PROCESSING)
        stall.clear()
        job = deployment.ended(job_id)
        assert job.server == f"{guarded.url}/comfy"
        (client,) = worker.resources.fleet.clients.values()
        assert (client.socket_health.is_known, client.socket_health.problem) == (True, None)
        with deployment.messenger.transaction() as session:
            server = session.get_one(ComfyUIServer, f"{guarded.url}/comfy")
            tables = session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            rows = [str(session.execute(text(f'SELECT * FROM "{table}"')).all()) for table in list(tables)]
    assert (server.unreachable_since, server.notes) == (None, {})
    shown = "\n".join([*rows, *map(str, events), capfd.readouterr().out])
    assert SECRET not in shown
    assert BASIC not in shown
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_server_that_wants_to_know_who_we_are_says_so_in_its_problem(
    deployment: Deployment, guarded: RunningSimulator, tmp_path: Path
) -> None:
    guarded.clear_faults()
    guarded.fault("guard", value="Bearer other")
    for url, problem in (
        (f"{guarded.url}/comfy", "it asks for credentials (401): put user:password@"),
        (urls(guarded, tmp_path)["token"][0], "it refuses the credentials that COMFYUI_URLS has for it (401)"),
        (f"{guarded.url}/comfy#token_file={tmp_path / 'none'}", "its token_file cannot be read: No such file"),
    ):
        with deployment.worker(COMFYUI_URLS=url), deployment.messenger.transaction() as session:
            server = session.get_one(ComfyUIServer, f"{guarded.url}/comfy")
            assert server.unreachable_since
            assert problem in (server.problem or "")
            assert str(tmp_path) not in (server.problem or "")
    guarded.clear_faults()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", ["/history/", "/queue", "/prompt", "/system_stats", "/object_info"])
def test_a_refusal_of_any_request_is_said_to_be_one(simulator: RunningSimulator, path: str, status: int) -> None:
    simulator.fault("answer", path=path, status=status, body=json.dumps({"error": "no"}))
    client = ComfyUIClient(server_url(simulator.url))
    asks: dict[str, Callable[[], object]] = {
        "/history/": lambda: client.locate("p"),
        "/queue": client.queue,
        "/prompt": lambda: client.submit({}, prompt_id="p", client_id="p"),
        "/system_stats": client.version,
        "/object_info": client.object_info,
    }
    with pytest.raises(ComfyUIUnreachable, match=rf"asks for credentials \({status}\)"):
        asks[path]()
    client.close()


def test_a_token_that_changes_is_taken_without_a_restart(guarded: RunningSimulator, tmp_path: Path) -> None:
    guarded.clear_faults()
    url, _ = urls(guarded, tmp_path)["token"]
    client = ComfyUIClient(server_url(url))
    guarded.fault("guard", value="Bearer new")
    with pytest.raises(ComfyUIUnreachable):
        client.version()
    (tmp_path / "token").write_text("new")
    client.version()
    client.close()
    guarded.clear_faults()


@pytest.mark.parametrize("way", ["password", "token", "header"])
def test_inputs_are_put_there(guarded: RunningSimulator, tmp_path: Path, way: str) -> None:
    guarded.clear_faults()
    url, guard = urls(guarded, tmp_path)[way]
    guarded.fault("guard", **guard)
    client, file = ComfyUIClient(server_url(url)), InputFile("folder", f"{way}.png", 7)
    assert presence(client, file) is Presence.ABSENT
    assert upload(client, file, [b"picture"], overwrite=False)
    assert presence(client, file) is Presence.THERE
    client.close()
