"""The previous release works beside this one: its API and its worker, on the schema that this one has made."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.ports import free_ports
from migrations.upgrade import upgrade
from tests.elsewhere import Elsewhere
from tests.simulator.running import RunningSimulator
from tests.worker_service.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
VERSIONS = "migrations/versions"
BODY: dict[str, Any] = {"prompt": "a lighthouse", "checkpoint_model": "random_sdxl.safetensors"}


def git(*arguments: str) -> bytes:
    """Raises CalledProcessError, and OSError where there is no git."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout


def previous() -> str:
    """The commit of the last release; where none is tagged, the one before the newest migration was added.

    Raises CalledProcessError where the history does not reach so far.
    """
    try:
        return git("describe", "--tags", "--match", "v*", "--abbrev=0", "HEAD^").decode().strip()
    except subprocess.CalledProcessError:
        added = git("log", "-1", "--diff-filter=A", "--format=%H", "--", f"{VERSIONS}/*.py").decode().strip()
        return git("rev-parse", "--verify", f"{added}^").decode().strip()


@pytest.fixture(scope="module")
def old_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        packed = git("archive", previous(), "api_service", "worker_service", "shared", "migrations")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the history of the repository is not here")
    tree = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tree, filter="data")
    return tree


class Release:
    """One of the two, with an API on a port of its own."""

    def __init__(self, site: Path, folder: Path, environ: dict[str, str]) -> None:
        folder.mkdir()
        self.port = next(free_ports())
        self.code = Elsewhere(site, folder, {**environ, "API_PORT": str(self.port), "WORKER_PROCESSES": "1"})

    @contextmanager
    def api(self, key: str) -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"http://127.0.0.1:{self.port}"
        with self.code.running("api_service"), httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            until(lambda: answers(client))
            yield client


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").is_success
    except httpx.TransportError:
        return False


def a_job_is_done(client: httpx.Client) -> None:
    made = client.post("/api/v1/generation-jobs/", json=BODY, headers={"Prefer": "wait=50"})
    assert made.status_code == 201, made.text
    assert made.json()["status"] == "completed", made.text
    assert client.get(made.json()["outputs"][0]["url"]).content.startswith(b"\x89PNG")


def test_old_and_new_take_turns_and_no_job_is_lost(
    environ: dict[str, str], empty: str, old_tree: Path, tmp_path: Path, simulator: RunningSimulator
) -> None:
    variables = {**environ, "DATABASE_URL": empty, "COMFYUI_URLS": simulator.url}
    old, new = Release(old_tree, tmp_path / "old", variables), Release(ROOT, tmp_path / "new", variables)
    old.code.said("migrations")
    key = old.code.said("api_service.accounts.keys", "create", "--user", "anna").strip()
    with ExitStack() as old_worker, ExitStack() as old_api:
        old_worker.enter_context(old.code.running("worker_service"))
        client = old_api.enter_context(old.api(key))
        a_job_is_done(client)
        upgrade(empty)  # while the old ones are at work
        a_job_is_done(client)
        with new.api(key) as newer:
            a_job_is_done(newer)  # by the old worker
            old_worker.close()
            with new.code.running("worker_service"):
                a_job_is_done(client)  # asked for from the old API
                a_job_is_done(newer)
