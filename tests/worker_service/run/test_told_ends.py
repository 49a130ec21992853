"""A ComfyUI tells that a prompt has ended: with the socket cut and the next look far away, its job ends at once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.models import JobStatus
from shared.webhooks.signing import drawn_secret, headers_for
from tests.api_service.quick_api import QUICK as QUICK_API
from tests.webhooks import settings_with_secret
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import QUICK
from tests.worker_service.waiting import until
from worker_service.run.prompt.mailbox import Signal

SECRET = drawn_secret()
FAR_AWAY = replace(QUICK, run=replace(QUICK.run, look_every_s=3600.0))


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    with TestClient(create_app(settings_with_secret(deployment.environ, SECRET), QUICK_API)) as client:
        yield client


def tell(client: TestClient, prompt_id: str) -> int:
    body = f'{{"type": "prompt.ended", "data": {{"prompt_id": "{prompt_id}"}}}}'.encode()
    headers = {**headers_for(uuid4(), body, datetime.now(UTC), [SECRET]), "Content-Type": "application/json"}
    return client.post("/webhooks/comfyui", content=body, headers=headers).status_code


def test_a_job_ends_by_the_call_alone(deployment: Deployment, client: TestClient) -> None:
    deployment.comfyui.fault("answer", path="/ws", status=404)
    stall = deployment.comfyui.fault("stall", step=1)
    with deployment.worker({"timings": FAR_AWAY}) as worker:
        job_id = deployment.submit()
        prompt_id = deployment.sampling(job_id)
        assert tell(client, prompt_id) == 202
        until(lambda: Signal.LOOK in worker.heard(job_id))
        assert deployment.job(job_id).status is JobStatus.RUNNING, "a lie only makes it look"
        stall.clear()
        until(lambda: deployment.comfyui.http.get(f"/history/{prompt_id}").json())

        def told_and_ended() -> bool:
            # The first one may come within the moment in which it is not told again.
            tell(client, prompt_id)
            return deployment.job(job_id).status is JobStatus.COMPLETED

        until(told_and_ended)


def test_other_prompts_are_nobodys_business(deployment: Deployment, client: TestClient) -> None:
    with deployment.worker() as worker:
        stall = deployment.comfyui.fault("stall", step=1)
        job_id = deployment.submit()
        deployment.sampling(job_id)
        assert tell(client, str(uuid4())) == 202
        worker.look_at_prompts()
        stall.clear()
        deployment.ended(job_id)
