"""What odd nodes leave is kept where it can be read, and told of where it cannot; the server bears no blame."""

from typing import Any

import pytest

from deploy.simulator.nodes.trouble.showing import BOMB
from shared.fleet.servers import FAILURES
from shared.models import GenerationJob, JobStatus, Outcome
from tests import jobs
from tests.simulator.graphs import Graph, node, noise
from tests.simulator.running import BOTH_AT_LENGTH
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker

pytestmark = [BOTH_AT_LENGTH, pytest.mark.usefixtures("worker")]


def showing(*things: str, megabytes: int = 0) -> Graph:
    """A graph whose nodes show these things, each under a name of its own."""
    return {
        str(number): node("SimulatedShow", what=what, prefix=f"shown-{number}", megabytes=megabytes)
        for number, what in enumerate(things, start=1)
    }


def run(deployment: Deployment, *things: str, megabytes: int = 0) -> GenerationJob:
    return deployment.ended(deployment.submit(workflow=showing(*things, megabytes=megabytes)))


def contents(deployment: Deployment, job: GenerationJob) -> list[bytes]:
    return [(deployment.folder / output.path).read_bytes() for output in deployment.outputs(job.id)]


def codes(job: GenerationJob) -> list[Any]:
    return [warning["code"] for warning in job.warnings]


@pytest.mark.parametrize("what", ["no_ui", "empty_ui", "none_value"])
def test_a_run_that_made_nothing_is_completed_and_says_so(deployment: Deployment, what: str) -> None:
    job = run(deployment, what)
    assert (codes(job), deployment.outputs(job.id)) == (["no_outputs"], [])
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]


def test_texts_and_numbers_under_any_key_complete_a_job(deployment: Deployment) -> None:
    job = run(deployment, "tags", "text_plain", "number", "dict", "nested_files")
    assert contents(deployment, job) == [b"1girl, solo", b"plain", b"3", b"2.5", b'{"cat": 0.9}', b"a", b"b"]
    assert codes(job) == []


def test_texts_that_are_no_utf_8_are_kept_and_claim_no_character_set(deployment: Deployment) -> None:
    job = run(deployment, "cp1252_text", "utf16_text", "text_list")
    media_types = [output.media_type for output in deployment.outputs(job.id)]
    assert media_types == ["text/plain", "text/plain", *["text/plain; charset=utf-8"] * 2]
    assert codes(job) == []


def test_a_picture_too_large_to_decode_is_kept_as_it_came_without_thumbnails(deployment: Deployment) -> None:
    job = run(deployment, "bomb_png", "tags")
    bomb, _ = deployment.outputs(job.id)
    assert contents(deployment, job)[0] == BOMB
    assert (bomb.kind, bomb.media_type, bomb.width, bomb.thumbnails) == ("image", "image/png", None, {})
    assert str(bomb.thumbnail_note).startswith("the image is too large to decode")
    assert codes(job) == []


# What cannot be read: what it is -> the warning, and whether a second run might cure it.
BAD = {
    "missing_file": ("output_missing", True),
    "traversal": ("output_refused", False),
    "odd_type": ("output_refused", False),
    "empty_file_name": ("output_refused", False),
    "ffconcat_mp4": ("output_corrupt", True),
}


@pytest.mark.parametrize("what", BAD)
def test_one_output_that_cannot_be_read_costs_no_other_and_is_named(deployment: Deployment, what: str) -> None:
    code, is_run_again = BAD[what]
    job = run(deployment, "tags", what, "nested_files")
    assert contents(deployment, job) == [b"1girl, solo", b"a", b"b"]
    (warning,) = job.warnings
    assert (warning["code"], warning["node_id"]) == (code, "2")
    assert warning["message"].startswith("output ")
    assert isinstance(warning["filename"], str)
    assert deployment.outcomes(job.id) == [*[Outcome.RETRIED] * is_run_again, Outcome.COMPLETED]
    assert jobs.events(deployment.messenger, job.id)[-1].data["warnings"] == job.warnings


@pytest.mark.parametrize("what", BAD)
def test_a_run_of_which_nothing_can_be_read_is_repeated_once_and_then_fails(deployment: Deployment, what: str) -> None:
    code, is_run_again = BAD[what]
    job = deployment.ended(deployment.submit(workflow=showing(what, what)), JobStatus.FAILED)
    assert job.error_code == code
    assert (job.error_message or "").startswith("none of the 2 outputs can be read; the first: output ")
    assert deployment.outcomes(job.id) == [*[Outcome.RETRIED] * is_run_again, Outcome.FAILED]
    assert deployment.comfyui.url not in (job.error_message or "")


@pytest.mark.parametrize("what", ["missing_file", "ffconcat_mp4"])
def test_jobs_with_bad_outputs_close_no_server_to_others(deployment: Deployment, what: str) -> None:
    for job_id in [deployment.submit(workflow=showing(what)) for _ in range(FAILURES)]:
        deployment.ended(job_id, JobStatus.FAILED)
    server = deployment.server()
    assert (server.opened_at, server.open_until) == (None, None)
    deployment.ended(deployment.submit(workflow=noise()))


def test_a_file_that_comfyui_cannot_serve_costs_one_more_look_and_no_second_run(deployment: Deployment) -> None:
    job = run(deployment, "tags", "line_break_in_name", "nested_files")
    assert contents(deployment, job) == [b"1girl, solo", b"a", b"b"]
    (warning,) = job.warnings
    assert (warning["code"], warning["node_id"]) == ("output_withheld", "2")
    assert deployment.outcomes(job.id) == [Outcome.IN_DOUBT, Outcome.COMPLETED]
    assert [execution.started for execution in deployment.comfyui.executions().values()] == [1]


def test_jobs_whose_files_comfyui_cannot_serve_fail_and_close_no_server(deployment: Deployment) -> None:
    for job_id in [deployment.submit(workflow=showing("line_break_in_name")) for _ in range(FAILURES)]:
        job = deployment.ended(job_id, JobStatus.FAILED)
        assert (job.error_code, deployment.outcomes(job.id)) == ("output_withheld", [Outcome.IN_DOUBT, Outcome.FAILED])
    server = deployment.server()
    assert (server.opened_at, server.open_until, server.unreachable_since) == (None, None, None)


def test_a_list_of_outputs_that_comfyui_cannot_write_down_fails_its_job_alone(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", step=1)
    job_id = deployment.submit()
    stall.wait_until_struck()
    path = f"/history/{deployment.sampling(job_id)}"
    deployment.comfyui.fault("answer", path=path, status=500)
    stall.clear()
    job = deployment.ended(job_id, JobStatus.FAILED)
    assert (job.error_code, deployment.outcomes(job.id)) == ("output_withheld", [Outcome.IN_DOUBT, Outcome.FAILED])
    deployment.ended(deployment.submit(workflow=noise()))


def test_a_connection_that_breaks_while_a_file_is_read_costs_no_attempt(deployment: Deployment) -> None:
    hang = deployment.comfyui.fault("hang_http", path="/view", times=1)
    job_id = deployment.submit()
    hang.wait_until_struck()
    hang.clear()
    job = deployment.ended(job_id)
    assert (deployment.outcomes(job.id), job.warnings) == ([Outcome.COMPLETED], [])


def test_an_output_that_is_too_large_costs_no_other(deployment: Deployment, worker: RunningWorker) -> None:
    for client in worker.resources.fleet.clients.values():
        client.largest_output = 1000  # bytes
    job = run(deployment, "tags", "huge_file", megabytes=1)
    assert contents(deployment, job) == [b"1girl, solo"]
    assert [(warning["code"], warning["filename"]) for warning in job.warnings] == [("output_too_large", "shown-2.bin")]
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]


def test_a_file_of_no_bytes_is_kept_and_told_of(deployment: Deployment) -> None:
    job = run(deployment, "tags", "empty_glb")
    assert contents(deployment, job) == [b"1girl, solo", b""]
    assert deployment.outputs(job.id)[1].filename == f"job-{job.id}-1.glb"
    (warning,) = job.warnings
    assert (warning["code"], warning["node_id"], warning["filename"]) == ("output_empty", "2", "shown-2.glb")
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]


def test_a_picture_that_is_lost_once_is_made_again_beside_a_good_one(deployment: Deployment) -> None:
    deployment.comfyui.fault("missing_file")
    job = deployment.ended(deployment.submit(batch_size=2))
    assert (len(deployment.outputs(job.id)), job.warnings) == (2, [])
    assert deployment.outcomes(job.id) == [Outcome.RETRIED, Outcome.COMPLETED]


def test_a_picture_that_is_lost_twice_costs_the_good_one_nothing(deployment: Deployment) -> None:
    deployment.comfyui.fault("missing_file", times=2)  # the first file of each run
    job = deployment.ended(deployment.submit(batch_size=2))
    assert (len(deployment.outputs(job.id)), codes(job)) == (1, ["output_missing"])
    assert deployment.outcomes(job.id) == [Outcome.RETRIED, Outcome.COMPLETED]
