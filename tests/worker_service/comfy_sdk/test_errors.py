"""What the service refuses, as the exceptions that the official Comfy SDK has for it."""

from typing import Any

import pytest
from comfy_sdk import AsyncComfy, Comfy
from comfy_sdk.exceptions import (
    ComfyError,
    Forbidden,
    IdempotencyKeyReuse,
    InvalidWorkflow,
    MissingAsset,
    NotFound,
    Unauthorized,
    WorkflowFormatUi,
)

from shared.models import Scope
from tests.api_service.conftest import new_key
from tests.simulator.graphs import txt2img
from tests.worker_service.deployment import Deployment

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_each_refusal_has_its_exception(comfy: Comfy, deployment: Deployment) -> None:
    broken, asset = txt2img(), txt2img()
    editors: dict[str, Any] = {"nodes": [], "links": []}
    del broken["8"]["inputs"]
    asset["4"]["inputs"]["ckpt_name"] = {"__type": "core/ASSET", "info": {"id": "gone"}}
    for graph, exception in ((broken, InvalidWorkflow), (editors, WorkflowFormatUi), (asset, MissingAsset)):
        with pytest.raises(exception) as refused:
            comfy.submit(comfy.workflows.from_json(graph))
        assert refused.value.http_status == 422
        assert refused.value.request_id
    with pytest.raises(NotFound):
        comfy.jobs.get("job_aaaaaaaa")
    with Comfy(api_key="gn_forged") as stranger, pytest.raises(Unauthorized):
        stranger.jobs.get("job_aaaaaaaa")
    reader = new_key(deployment.messenger.engine, Scope.READ)
    with Comfy(api_key=reader) as only_reads, pytest.raises(Forbidden):
        only_reads.submit(comfy.workflows.from_json(txt2img()))


def test_a_key_that_was_used_before_is_refused_and_names_the_job(comfy: Comfy) -> None:
    graph = comfy.workflows.from_json(txt2img())
    made = comfy.submit(graph, idempotency_key="once")
    with pytest.raises(IdempotencyKeyReuse) as refused:
        comfy.submit(graph, idempotency_key="once")
    assert refused.value.details == {"job_id": made.id}


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda comfy, graph: comfy.submit(graph, metadata={"two words": "x"}), "metadata_invalid"),
        (lambda comfy, graph: comfy.submit(graph, api_key="secret-of-a-node"), "invalid_request"),
        (lambda comfy, _: list(comfy.list_jobs(metadata={"a": "\u202e"})), "invalid_metadata_filter"),
        (lambda comfy, _: list(comfy.list_jobs(limit=0)), "invalid_request"),
    ],
)
def test_what_has_no_exception_of_its_own_has_its_code(comfy: Comfy, ask: Any, code: str) -> None:
    with pytest.raises(ComfyError) as refused:
        ask(comfy, comfy.workflows.from_json(txt2img()))
    assert refused.value.code == code
    assert "secret-of-a-node" not in str(refused.value)


def test_the_asynchronous_client_raises_the_same(told: Any) -> None:
    async def story(comfy: AsyncComfy) -> None:
        with pytest.raises(NotFound):
            await comfy.jobs.get("job_aaaaaaaa")
        with pytest.raises(InvalidWorkflow):
            await comfy.submit(comfy.workflows.from_json({}))

    told(story)
