"""What `make build` makes runs where this repository is not: the wheel, made from the source archive, is whole."""

import shutil
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from shared.version import VERSION
from tests.elsewhere import AT_MOST_S, Elsewhere
from tests.simulator.running import RunningSimulator
from tests.worker_service.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.landing]

ROOT = Path(__file__).parents[1]
PACKAGES = ("api_service", "worker_service", "shared", "migrations", "deploy/doctor")
COMMANDS = (
    "api_service",
    "api_service.accounts.keys",
    "api_service.accounts.resealing",
    "api_service.openapi",
    "deploy.doctor",
    "deploy.restored",
    "migrations",
    "shared.configuration.effective",
    "worker_service",
    "worker_service.cleanup",
    "worker_service.scheduler",
)
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "var", "*.egg-info")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the wheel and of the source archive; what building leaves behind is not left in this repository."""
    source, made = tmp_path_factory.mktemp("source") / "copy", tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT, source, ignore=IGNORED)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=AT_MOST_S)
    return made


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed in a folder without what it needs: this environment has that."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site)]
    subprocess.run([*command, str(wheel_of(built))], check=True, capture_output=True, timeout=AT_MOST_S)
    return site


def wheel_of(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


def test_the_wheel_has_every_file_of_its_packages_and_no_others(built: Path) -> None:
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".pyo"}
    }
    with zipfile.ZipFile(wheel_of(built)) as wheel:
        there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert there == here | {"deploy/__init__.py", "deploy/restored.py"}
    assert {path.name for path in built.iterdir()} == {
        f"genonaut_generation-{VERSION}-py3-none-any.whl",
        f"genonaut_generation-{VERSION}.tar.gz",
    }


def test_each_command_of_an_operator_is_whole_where_only_the_wheel_is(
    installed: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    away = Elsewhere(installed, tmp_path, environ)
    assert [command for command in COMMANDS if not away.said(command, "--help").startswith("usage: ")] == []


def test_a_job_is_done_by_services_that_are_installed_elsewhere(
    installed: Path, environ: dict[str, str], simulator: RunningSimulator, tmp_path: Path
) -> None:
    port = next(free_ports())
    variables = {**environ, "COMFYUI_URLS": simulator.url, "API_PORT": str(port), "WORKER_PROCESSES": "1"}
    away = Elsewhere(installed, tmp_path, variables)
    assert away.said("migrations", "--current").strip()
    key = away.said("api_service.accounts.keys", "create", "--user", "anna").strip()
    with ExitStack() as services, httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        for module in ("api_service", "worker_service", "worker_service.scheduler"):
            services.enter_context(away.running(module))
        until(lambda: is_ready(http))
        assert http.get("/").json()["version"] == VERSION
        http.headers["Authorization"] = f"Bearer {key}"
        body = {"prompt": "a lighthouse", "checkpoint_model": "random_sdxl.safetensors"}
        made = http.post("/api/v1/generation-jobs/", json=body, headers={"Prefer": "wait=30"})
        assert made.json()["status"] == "completed", made.text
        assert http.get(made.json()["outputs"][0]["url"]).content.startswith(b"\x89PNG")


def is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").is_success
    except httpx.TransportError:
        return False
