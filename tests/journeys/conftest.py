"""The whole system as processes, for the length of one journey."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.ports import free_ports
from deploy.local.system import Plan, System, running_system
from tests.simulator.running import RunningSimulator, running_simulator

BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}
PATIENCE_S = 90.0


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
def journey(tmp_path: Path) -> Start:
    """Start the system; keyword arguments are variables for its services."""

    @contextmanager
    def start(*, step_seconds: float = 0.0, durable: bool = False, **variables: str) -> Iterator[Journey]:
        with running_simulator(step_seconds=step_seconds) as comfyui:
            kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}
            unlimited = {"LIMIT_REQUESTS_PER_MINUTE": "none"}  # a journey asks often what has become of its job
            environ = {**kept, **unlimited, "APP_ENV": "test", "COMFYUI_URLS": comfyui.url, **variables}
            plan = Plan(tmp_path / "system", durable=durable, api_ports=free_ports())
            with (
                running_system(plan, environ, say=lambda _: None) as system,
                httpx.Client(base_url=system.api_url, headers=bearer(system.key), timeout=PATIENCE_S) as http,
            ):
                yield Journey(system, http, comfyui)

    return start
