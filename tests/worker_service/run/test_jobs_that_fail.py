"""A job that cannot succeed fails once, and says why: the node, the field, the limit."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from shared.models import GenerationJob, JobStatus, Outcome
from tests import jobs
from tests.worker_service.deployment import Deployment

FAILED = JobStatus.FAILED


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("wrong", "node_id", "node_type", "field"),
    [
        ({"checkpoint_model": "nope.safetensors"}, "checkpoint", "CheckpointLoaderSimple", "ckpt_name"),
        ({"lora_models": [{"name": "nope.safetensors"}]}, "lora_1", "LoraLoader", "lora_name"),
        ({"params": {"sampler_name": "nope"}}, "sampler", "KSampler", "sampler_name"),
        ({"params": {"vae_name": "nope.safetensors"}}, "vae", "VAELoader", "vae_name"),
    ],
    ids=["checkpoint", "LoRA", "sampler", "VAE"],
)
def test_a_job_that_comfyui_refuses_fails_and_names_node_and_field(
    deployment: Deployment, wrong: dict[str, Any], node_id: str, node_type: str, field: str
) -> None:
    job = deployment.ended(deployment.submit(**wrong), FAILED)
    assert job.error_code == "workflow_rejected"
    assert node_id in (job.error_message or "")
    (error,) = (job.error_details or {})["node_errors"]
    assert (error["node_id"], error["node_type"], error["field"]) == (node_id, node_type, field)
    assert error["code"] == "value_not_in_list"
    assert "nope" in error["message"]
    assert deployment.outcomes(job.id) == [Outcome.FAILED]
    assert deployment.comfyui.executions() == {}


@pytest.mark.usefixtures("worker")
def test_a_job_whose_row_makes_no_graph_fails_without_being_sent(deployment: Deployment) -> None:
    job_id = jobs.submitted(deployment.messenger, params={"steps": 0})
    job = deployment.ended(job_id, FAILED)
    assert job.error_code == "workflow_rejected"
    assert "steps" in (job.error_message or "")
    assert deployment.comfyui.executions() == {}


@pytest.mark.usefixtures("worker")
def test_a_job_whose_node_raises_fails_once_and_names_the_node(deployment: Deployment) -> None:
    deployment.comfyui.fault("node_error", node="KSampler", step=2, exception_type="ValueError")
    job = deployment.ended(deployment.submit(), FAILED)
    assert job.error_code == "node_failed"
    assert job.error_details == {"node_id": "sampler", "node_type": "KSampler", "exception_type": "ValueError"}
    assert deployment.outcomes(job.id) == [Outcome.FAILED]
    assert jobs.events(deployment.messenger, job.id)[-1].data["code"] == "node_failed"
    deployment.ended(deployment.submit())


def test_a_job_that_fails_again_and_again_ends_with_its_last_error(deployment: Deployment) -> None:
    deployment.comfyui.fault("missing_file", times=1)
    deployment.comfyui.fault("half_file", how="broken", times=None)
    with deployment.worker(MAX_ATTEMPTS="2"):
        job = deployment.ended(deployment.submit(), FAILED)
    assert job.error_code == "output_corrupt"
    assert deployment.outcomes(job.id) == [Outcome.RETRIED, Outcome.FAILED]
    codes = [event.data.get("code") for event in jobs.events(deployment.messenger, job.id)]
    assert codes == [None, None, "output_missing", None, "output_corrupt"]


@pytest.mark.usefixtures("worker")
def test_a_job_for_which_there_is_never_enough_memory_is_tried_twice(deployment: Deployment) -> None:
    deployment.comfyui.fault("out_of_memory", step=1, times=None)
    job = deployment.ended(deployment.submit(), FAILED)
    assert job.error_code == "out_of_memory"
    assert (job.error_details or {})["exception_type"] == "torch.OutOfMemoryError"
    assert "sampler" in (job.error_message or "")
    assert deployment.outcomes(job.id) == [Outcome.RETRIED, Outcome.FAILED]


@pytest.mark.usefixtures("worker")
def test_a_file_that_stays_damaged_is_made_again_once_without_the_cached_one(deployment: Deployment) -> None:
    deployment.comfyui.fault("half_file", how="broken", times=None)
    job = deployment.ended(deployment.submit(), FAILED)
    assert job.error_code == "output_corrupt"
    assert deployment.outcomes(job.id) == [Outcome.RETRIED, Outcome.FAILED]
    executions = deployment.comfyui.executions().values()
    assert all("save" in execution.nodes for execution in executions), "its cached result would name the old file"
    assert len({*(prefix for execution in executions for prefix in execution.filename_prefixes)}) == 2


def test_a_single_attempt_is_all_there_is_where_no_more_are_allowed(deployment: Deployment) -> None:
    deployment.comfyui.fault("missing_file")
    with deployment.worker(MAX_ATTEMPTS="1"):
        job = deployment.ended(deployment.submit(), FAILED)
    assert (job.error_code, job.attempt, job.retries) == ("output_missing", 1, 0)


def test_a_job_under_which_three_workers_died_is_not_tried_again(deployment: Deployment) -> None:
    job_id = jobs.submitted(deployment.messenger)
    for _ in range(3):
        deployment.leave_behind(job_id)
    with deployment.worker():
        job = deployment.ended(job_id, FAILED)
    assert (job.error_code, job.error_details) == ("poison", {"deaths": 3, "of": "worker"})
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED] * 3 + [Outcome.FAILED]
    assert deployment.comfyui.executions() == {}


def test_what_such_a_job_has_in_comfyui_does_not_go_on_without_it(deployment: Deployment) -> None:
    deployment.comfyui.pace(step_seconds=3600)
    job_id = jobs.submitted(deployment.messenger)
    claim = deployment.leave_behind(job_id, sent=True)
    for _ in range(2):
        deployment.leave_behind(job_id)
    with deployment.worker():
        deployment.ended(job_id, FAILED)
    assert deployment.comfyui.wait_finished(claim.prompt.id).outcomes == ["interrupted"]


def test_a_job_of_the_old_system_that_lacks_its_parameters_is_not_begun(deployment: Deployment) -> None:
    job_id = jobs.submitted(deployment.messenger)
    with deployment.messenger.transaction() as session:
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(checkpoint_model=None))
    with deployment.worker():
        job = deployment.ended(job_id, FAILED)
    assert "checkpoint_model" in (job.error_message or "")
