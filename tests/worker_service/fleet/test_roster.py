"""A worker takes on servers that are added while it runs, calls them as it is told, and lets them go when removed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api_service.fleet import server_changes
from api_service.fleet.server_changes import Departure
from shared.configuration.secrets.vault import Vault, new_key
from shared.fleet.credentials import basic
from shared.models import EventType, Outcome
from tests import jobs
from tests.simulator.running import RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

pytestmark = pytest.mark.system

SECRET = "hunter2"
KEYED = {"X-API-Key": SECRET}


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "keys"
    file.write_text(new_key())
    return {**environ, "SECRETS_KEY_FILE": str(file)}


def sealed(deployment: Deployment, headers: Mapping[str, str]) -> str:
    return server_changes.sealed(Vault(deployment.settings.secrets_key_file), headers)


def add(deployment: Deployment, url: str, headers: Mapping[str, str] | None = None, **given: Any) -> None:
    credentials = sealed(deployment, headers) if headers else None
    server_changes.add(deployment.messenger.engine, url, {"labels": ["a100"], **given}, credentials)


def seen_up(deployment: Deployment, url: str) -> None:
    until(lambda: deployment.server(url).last_seen_at and not deployment.server(url).unreachable_since)


def begun_there(deployment: Deployment, another: RunningSimulator, **values: Any) -> int:
    """A job that the added server has begun."""
    job_id = deployment.submit(**values)
    deployment.until(job_id, lambda job: job.server == another.url)
    until(lambda: deployment.job(job_id).comfyui_prompt_id in another.executions())
    return job_id


def has(worker: RunningWorker, url: str) -> bool:
    return url in worker.resources.fleet.clients


def test_a_server_that_is_added_gets_a_job_and_is_called_with_its_credentials(
    deployment: Deployment,
    worker: RunningWorker,
    another: RunningSimulator,
    listener: Listener,
    capfd: pytest.CaptureFixture[str],
) -> None:
    another.fault("guard", header="X-API-Key", value=SECRET)
    add(deployment, another.url, KEYED)
    seen_up(deployment, another.url)
    worker.listen()
    stall = another.fault("stall", step=2)
    job_id = deployment.submit(steps=3, requires=["a100"])
    listener.until(job_id, lambda event: event.type is EventType.PROCESSING)
    stall.clear()
    assert deployment.ended(job_id).server == another.url
    assert worker.resources.fleet.clients[another.url].socket_health.problem is None
    assert worker.resources.capacity.slots == 4
    assert SECRET not in capfd.readouterr().out


def test_changed_credentials_and_slots_are_taken_without_a_restart(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    another.fault("guard", value=basic("ann", SECRET)["Authorization"])
    add(deployment, another.url, KEYED)
    until(lambda: "it was added with (401)" in (deployment.server(another.url).problem or ""))
    changes = {"credentials": sealed(deployment, basic("ann", SECRET)), "slots": 5}
    server_changes.change(deployment.messenger.engine, another.url, changes)
    until(lambda: worker.resources.capacity.slots == 7)
    worker.until(lambda: not deployment.server(another.url).unreachable_since)
    assert deployment.server(another.url).slots == 5


def test_a_worker_that_cannot_read_the_credentials_says_so_and_calls_nobody(
    deployment: Deployment, another: RunningSimulator
) -> None:
    with deployment.worker(SECRETS_KEY_FILE="/nowhere/keys") as worker:
        add(deployment, another.url, KEYED)
        until(lambda: "SECRETS_KEY_FILE cannot be read" in (deployment.server(another.url).problem or ""))
        assert not has(worker, another.url)


def test_what_an_admin_has_set_stays_though_workers_have_other_settings(
    deployment: Deployment, simulator: RunningSimulator
) -> None:
    with deployment.worker(COMFYUI_URLS=f"{simulator.url}#slots=3&weight=2&labels=fast+a100") as worker:
        row = deployment.server()
        assert (row.slots, row.weight, row.labels) == (3, 2.0, ["a100", "fast"])
        changes = {"weight": 5.0, "labels": ["slow"], "slots": None}
        server_changes.change(deployment.messenger.engine, simulator.url, changes)
        worker.look()
        row = deployment.server()
        assert (row.slots, row.weight, row.labels) == (3, 5.0, ["slow"])
        server_changes.change(deployment.messenger.engine, simulator.url, {"labels": None})
        worker.look()
        assert deployment.server().labels == ["a100", "fast"]


def test_a_job_on_a_server_that_is_removed_ends_there_and_then_workers_let_it_go(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    add(deployment, another.url)
    seen_up(deployment, another.url)
    another.fault("stall")
    job_id = begun_there(deployment, another, requires=["a100"])
    server_changes.remove(deployment.messenger.engine, another.url, Departure.DRAINED)
    other = deployment.submit()
    assert deployment.ended(other).server == deployment.comfyui.url
    assert has(worker, another.url)
    another.clear_faults()
    assert deployment.ended(job_id).server == another.url
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]
    until(lambda: not has(worker, another.url))
    until(lambda: worker.resources.capacity.slots == 2)  # is set once the server is gone


def test_jobs_are_moved_from_a_server_that_is_removed_now(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    another.pace(step_seconds=0.3)
    add(deployment, another.url)
    seen_up(deployment, another.url)
    job_id = begun_there(deployment, another, steps=100, requires=["a100"])
    server_changes.change(deployment.messenger.engine, deployment.comfyui.url, {"labels": ["a100"]})
    server_changes.remove(deployment.messenger.engine, another.url, Departure.NOW)
    assert deployment.ended(job_id).server == deployment.comfyui.url
    until(lambda: not has(worker, another.url))
    assert [execution.outcomes for execution in another.executions().values()] == [["interrupted"]]
    tried = jobs.attempts(deployment.messenger, job_id)
    assert [(one.outcome, one.error_code) for one in tried] == [
        (Outcome.RETRIED, "server_removed"),
        (Outcome.COMPLETED, None),
    ]


def test_two_workers_have_the_same_servers_and_one_that_is_added_again_is_taken_on_again(
    deployment: Deployment, worker: RunningWorker, another: RunningSimulator
) -> None:
    with deployment.worker() as second:
        for _ in range(2):
            add(deployment, another.url)
            until(lambda: has(worker, another.url) and has(second, another.url))
            seen_up(deployment, another.url)
            assert deployment.ended(deployment.submit(requires=["a100"])).server == another.url
            server_changes.remove(deployment.messenger.engine, another.url, Departure.DRAINED)
            until(lambda: not has(worker, another.url) and not has(second, another.url))
