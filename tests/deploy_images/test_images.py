"""The images that `make images` builds run a job, change nothing but their data, and end when they are asked to."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from shared.version import VERSION
from tests.deploy_images.containers import PROGRAM, Container, called, image, ran, running
from tests.lent_database import new_name
from tests.simulator.running import RunningSimulator
from tests.worker_service.waiting import until

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not PROGRAM, reason="`make images-test` builds the images and runs this with them"),
]

SERVICES = ("api", "worker", "scheduler")
NOTHING = {"NO_PROXY": "*"}


@pytest.fixture
def variables(environ: dict[str, str], servers: Servers, simulator: RunningSimulator) -> Iterator[dict[str, str]]:
    """Those of a deployment whose database is empty, and whose store is the image's own."""
    name = new_name()
    own = {"DATABASE_URL": servers.create_database(name), "COMFYUI_URLS": simulator.url}
    ours = {name: value for name, value in {**environ, **own}.items() if name != "STORAGE_URL"}
    yield {**ours, "API_PORT": str(next(free_ports())), "APP_ENV": "prod"}
    servers.drop_database(name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that the user of the images may write to."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)
    return folder


def test_a_job_is_done_by_containers_which_end_when_they_are_asked_to(variables: dict[str, str], data: Path) -> None:
    assert "from base to" in ran("migrate", variables, "sh", "-c", "python -m migrations 2>&1")
    key = ran("api", variables, "python", "-m", "api_service.accounts.keys", "create", "--user", "anna").strip()
    with ExitStack() as stack, httpx.Client(base_url=f"http://127.0.0.1:{variables['API_PORT']}") as http:
        services = {one: stack.enter_context(running(one, variables, data)) for one in SERVICES}
        until(lambda: all(container.is_alive(name) for name, container in services.items()), lambda: logs(services))
        until(lambda: is_ready(http), lambda: logs(services))
        http.headers["Authorization"] = f"Bearer {key}"
        body = {"prompt": "a lighthouse", "checkpoint_model": "random_sdxl.safetensors"}
        made = http.post("/api/v1/generation-jobs/", json=body, headers={"Prefer": "wait=30"}, timeout=60)
        assert made.json()["status"] == "completed", f"{made.text}\n{logs(services)}"
        assert http.get(made.json()["outputs"][0]["url"]).content.startswith(b"\x89PNG")
        # uvicorn ends with the signal it was sent, once all is done.
        assert {name: container.stop() for name, container in services.items()} in (
            {"api": 0, "worker": 0, "scheduler": 0},
            {"api": 143, "worker": 0, "scheduler": 0},
        ), logs(services)


def is_ready(http: httpx.Client) -> bool:
    try:
        answer = http.get("/health/ready")
    except httpx.TransportError:
        return False
    return answer.is_success and bool(answer.json()["worker"]["ok"])


def logs(services: dict[str, Container]) -> str:
    return "\n".join(f"{name}:\n{container.log}" for name, container in services.items())


@pytest.mark.parametrize("service", ["api", "worker", "scheduler", "migrate"])
def test_an_image_says_what_it_is_and_runs_as_nobody(service: str) -> None:
    (found,) = json.loads(called("image", "inspect", image(service)))
    assert found["Config"]["Labels"]["org.opencontainers.image.version"] == VERSION
    assert found["Config"]["User"] == "10001:10001"
    written = "for folder in / /opt/genonaut /opt/genonaut/lib /usr; do test ! -w $folder || echo $folder; done"
    assert ran(service, NOTHING, "sh", "-c", f"{written}; id -u; cat /proc/self/status").splitlines()[0] == "10001"
    assert "CapEff:\t0000000000000000" in ran(service, NOTHING, "cat", "/proc/self/status")


@pytest.mark.parametrize("service", ["api", "worker", "scheduler", "migrate"])
def test_an_installation_can_be_looked_at_from_each_image(service: str) -> None:
    assert ran(service, NOTHING, "python", "-m", "deploy.doctor", "--help").startswith("usage: ")


@pytest.mark.parametrize(
    ("service", "has", "lacks"),
    [
        ("api", {"starlette", "uvicorn", "obstore"}, {"httpx", "pillow", "alembic", "pip"}),
        ("worker", {"apscheduler", "pillow", "obstore"}, {"starlette", "alembic", "pip"}),
        ("scheduler", {"apscheduler", "obstore"}, {"starlette", "av", "pillow", "websockets", "alembic", "pip"}),
        ("migrate", {"alembic", "obstore"}, {"starlette", "pillow", "pip"}),
    ],
)
def test_the_bill_of_materials_names_what_is_in_the_image(service: str, has: set[str], lacks: set[str]) -> None:
    bill = json.loads(ran(service, NOTHING, "cat", "bill-of-materials.json"))
    assert bill["metadata"]["component"]["name"] == "genonaut-generation"
    assert bill["metadata"]["component"]["version"] == VERSION
    python = {one["name"]: one["version"] for one in bill["components"] if one["purl"].startswith("pkg:pypi/")}
    listed = "from importlib.metadata import distributions; print(*(one.metadata['Name'] for one in distributions()))"
    there = {name.lower().replace("_", "-") for name in ran(service, NOTHING, "python", "-c", listed).split()}
    assert {*python, "genonaut-generation"} == there
    assert has <= python.keys()
    assert lacks.isdisjoint(python)
    assert any(one["purl"].startswith("pkg:deb/") for one in bill["components"])
