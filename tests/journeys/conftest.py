"""The whole system as processes: one that the tests of a module share, or one of a test's own."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from deploy.local.system import Plan, System, running_system
from shared.messaging.redis_clients import patient_client
from tests.conftest import TEST_DATABASE, delete_keys
from tests.lent_database import new_name
from tests.simulator.running import RunningSimulator, running_simulator

BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
PATIENCE_S = 90.0
STOPS_WITHIN_S = 20.0  # ten seconds, and as much again for a machine that is slow


@dataclass(frozen=True)
class HeldUp:
    """A job that is in ComfyUI's hands for as long as a test needs to do something to the others."""

    id: int
    prompt_id: str
    let_go: Callable[[], None]


@dataclass(frozen=True)
class Journey:
    """A running system, as its user and its operator have it."""

    system: System
    http: httpx.Client
    comfyui: RunningSimulator

    def submit(self, steps: int = 2, **values: Any) -> dict[str, Any]:
        response = self.http.post(
            "/api/v1/generation-jobs/", json={**BODY, "sampler_params": {"steps": steps}, **values}
        )
        assert response.status_code == 201, response.text
        return response.json()  # type: ignore[no-any-return]

    def job(self, job_id: int) -> dict[str, Any]:
        return self.http.get(f"/api/v1/generation-jobs/{job_id}").json()  # type: ignore[no-any-return]

    def when(self, job_id: int, *statuses: str) -> dict[str, Any]:
        """The job once it has one of these statuses."""
        found: dict[str, Any] = {}

        def reached() -> bool:
            found.update(self.job(job_id))
            return found.get("status") in statuses

        until(reached, lambda: f"job {job_id} is {found.get('status')}: {found.get('error')}")
        return found

    def completed(self, job_id: int) -> dict[str, Any]:
        """The job once it has ended; it is completed, and its file is what the row says."""
        job = self.when(job_id, "completed", "failed", "cancelled")
        assert job["status"] == "completed", job["error"]
        for output in job["outputs"]:
            assert len(self.http.get(output["url"]).content) == output["size_bytes"]
        return job

    def sampling(self, job_id: int) -> dict[str, Any]:
        """The job once ComfyUI is at work on its prompt."""
        job = self.when(job_id, "running")
        until(lambda: self.started(job["comfyui_prompt_id"]))
        return job

    def held_up(self) -> HeldUp:
        """A new job that ComfyUI has begun and does not go on with before it is let go."""
        stall = self.comfyui.fault("stall", step=1)
        job = self.sampling(self.submit()["id"])
        stall.wait_until_struck()
        return HeldUp(job["id"], job["comfyui_prompt_id"], let_go=stall.clear)

    def started(self, prompt_id: str) -> bool:
        execution = self.comfyui.executions().get(prompt_id)
        return execution is not None and execution.started > 0

    def times_run(self) -> list[int]:
        """How often each prompt that ComfyUI ever saw was started."""
        return [execution.started for execution in self.comfyui.executions().values()]

    def come_to_rest(self) -> None:
        """Return once all services run, no job has anything left to do, and ComfyUI is as if just started."""
        for process in self.system.processes:
            if not process.running:
                self.system.processes.start(process.command)
        until(lambda: self.http.get("/health/ready").json()["status"] == "ready")
        self.http.post("/api/v1/generation-jobs/cancel", json={"all": True}).raise_for_status()
        unfinished = {"status": ["pending", "queued", "running", "cancelling"]}
        until(lambda: not self.http.get("/api/v1/generation-jobs/", params=unfinished).json()["items"])
        self.comfyui.reset()

    def kill(self, name: str) -> None:
        """End a service at once, with all processes that it has."""
        main = psutil.Process(self.system.processes[name].pid)
        for process in (*main.children(recursive=True), main):
            with suppress(psutil.NoSuchProcess):  # one that decodes ends with the one that asked it
                process.kill()

    def stop(self, name: str) -> None:
        """Stop a service: it ends by itself, and in time."""
        assert self.system.processes[name].stop(STOPS_WITHIN_S) == 0

    def leads(self) -> None:
        """Return once the scheduler does."""
        until(lambda: "scheduler.leads" in self.system.processes["scheduler"].tail(1000))

    def members(self) -> list[psutil.Process]:
        """The processes that examine outputs for the worker, once there are any: two if it had a job at its start."""
        worker = psutil.Process(self.system.processes["worker"].pid)
        found: list[psutil.Process] = []

        def are_there() -> bool:
            below = worker.children(recursive=True)
            found[:] = [one for one in below if "worker_service.media.member" in one.cmdline()]
            return bool(found)

        until(are_there)
        return found

    def restart(self, name: str) -> None:
        """Start a service again, as a supervisor would."""
        process = self.system.processes[name]
        until(lambda: not process.running)
        self.system.processes.start(process.command)


def until(holds: Callable[[], bool], otherwise: Callable[[], str] = lambda: "it did not come about") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


Start = Callable[..., AbstractContextManager[Journey]]


@pytest.fixture
def journey(servers: Servers, own_database: str, folder: Path) -> Start:
    """Start a system; keyword arguments are variables for its services.

    Its PostgreSQL and Valkey are those of the session, unless it is to have ones that a test may stop or kill.
    """

    @contextmanager
    def start(
        *, step_seconds: float = 0.0, own_servers: bool = False, durable: bool = False, **variables: str
    ) -> Iterator[Journey]:
        plan = Plan(folder / "system", durable=durable, api_ports=free_ports())
        if own_servers:
            with started(plan, variables, step_seconds) as journey:
                yield journey
        else:
            with shared(servers, own_database) as given, started(plan, given | variables, step_seconds) as journey:
                yield journey

    return start


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """For the services of `here`; a module may have others."""
    return {}


@pytest.fixture(scope="module")
def module_journey(
    servers: Servers, template: str, tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]
) -> Iterator[Journey]:
    name = new_name()
    plan = Plan(tmp_path_factory.mktemp("system"), durable=False, api_ports=free_ports())
    with shared(servers, servers.create_database(name, template)) as given, started(plan, given | variables) as journey:
        yield journey
    servers.drop_database(name)


@pytest.fixture
def here(module_journey: Journey) -> Journey:
    """A running system that has nothing to do. What a test stops of it, the next one finds started again."""
    module_journey.come_to_rest()
    return module_journey


@contextmanager
def shared(servers: Servers, database_url: str) -> Iterator[dict[str, str]]:
    """The variables of a system on the servers of the session."""
    url, namespace = servers.redis(TEST_DATABASE), f"genonaut_test_{uuid4().hex}"
    yield {"DATABASE_URL": database_url, "REDIS_URL": url, "REDIS_NS": namespace}
    with patient_client(url) as client:
        delete_keys(client, namespace)


@contextmanager
def started(plan: Plan, variables: Mapping[str, str], step_seconds: float = 0.0) -> Iterator[Journey]:
    with running_simulator(step_seconds=step_seconds) as comfyui:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}
        unlimited = {"LIMIT_REQUESTS_PER_MINUTE": "none"}  # a journey asks often what has become of its job
        brief = {"LEASE_DURATION": "10s"}  # what a killed worker had goes on after this, and not after 30 s
        environ = {**kept, **unlimited, **brief, "APP_ENV": "test", "COMFYUI_URLS": comfyui.url, **variables}
        with (
            running_system(plan, environ, say=lambda _: None) as system,
            httpx.Client(base_url=system.api_url, headers=bearer(system.key), timeout=PATIENCE_S) as http,
        ):
            yield Journey(system, http, comfyui)
