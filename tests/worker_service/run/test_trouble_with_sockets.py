"""A socket that is dropped, frozen or refused changes nothing in the result: the history is the truth."""

import pytest

from shared.models import Outcome
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener, at_step
from tests.worker_service.waiting import until

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.usefixtures("listening")
def test_a_dropped_socket_comes_back_and_tells_the_rest(deployment: Deployment, listener: Listener) -> None:
    first, second = (deployment.comfyui.fault("stall", step=step) for step in (2, 4))
    job_id = deployment.submit(steps=5)
    listener.until(job_id, at_step(2))
    client_id = deployment.client_id(job_id)
    drop = deployment.comfyui.fault("drop_sockets", refuse_seconds=600)
    deployment.comfyui.wait_hung_up(client_id)
    drop.clear()
    until(lambda: deployment.sockets() == [client_id])
    first.clear()
    listener.until(job_id, at_step(4))
    second.clear()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_frozen_socket_costs_the_progress_and_not_the_job(deployment: Deployment) -> None:
    deployment.comfyui.fault("freeze_sockets")
    job_id = deployment.submit()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_refused_socket_costs_the_progress_and_not_the_job(deployment: Deployment) -> None:
    deployment.comfyui.fault("drop_sockets", refuse_seconds=600)
    job_id = deployment.submit()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]


def test_a_socket_lost_at_the_very_end_does_not_delay_the_job_for_ever(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", at="succeeded")
    job_id = deployment.submit()
    stall.wait_until_struck()
    deployment.comfyui.fault("drop_sockets", refuse_seconds=600)
    stall.clear()
    deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.COMPLETED]
