"""The second run for a bad output is another server's, where there is one: it shows whose doing the first was."""

import pytest

from shared.models import Outcome
from tests import jobs
from tests.simulator.running import BOTH_AT_LENGTH, RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.test_odd_outputs import showing

pytestmark = [BOTH_AT_LENGTH, pytest.mark.usefixtures("worker")]


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator, another: RunningSimulator) -> dict[str, str]:
    return {**environ, "COMFYUI_URLS": f"{simulator.url},{another.url}"}


def servers_of(deployment: Deployment, job_id: int) -> list[str]:
    return [attempt.server for attempt in jobs.attempts(deployment.messenger, job_id)]


def test_what_one_server_damages_comes_whole_from_another(deployment: Deployment, another: RunningSimulator) -> None:
    deployment.comfyui.fault("missing_file", times=None)
    for _ in range(3):
        job = deployment.ended(deployment.submit(batch_size=2))
        assert (len(deployment.outputs(job.id)), job.warnings) == (2, [])
        servers = servers_of(deployment, job.id)
        assert servers in ([another.url], [deployment.comfyui.url, another.url])


def test_what_two_servers_give_alike_is_the_workflows_own(deployment: Deployment, another: RunningSimulator) -> None:
    job = deployment.ended(deployment.submit(workflow=showing("tags", "missing_file")))
    assert set(servers_of(deployment, job.id)) == {deployment.comfyui.url, another.url}
    assert deployment.outcomes(job.id) == [Outcome.RETRIED, Outcome.COMPLETED]
    assert [warning["code"] for warning in job.warnings] == ["output_missing"]
