"""A job that has ended, and its outputs as assets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from comfy_low.models import Asset, Job
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, OutputKind
from shared.storage.opening import open_storage
from shared.workflows.opaque_names import job_name, output_name
from tests.api_service.comfy_v2.contract import JOBS, held, refused
from tests.jobs import new_job, output, running

CONTENT = bytes(range(256))


@pytest.fixture
def job_id(messenger: Messenger, settings: Settings, tmp_path: Path) -> int:
    """A completed job with outputs of all kinds."""
    claim = running(messenger)
    store = open_storage(settings).store
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    kinds = (*OutputKind, OutputKind.OTHER)
    outputs = [output(claim, number, kind=kind) for number, kind in enumerate(kinds)]
    outputs[-1].filename = "x.latent"
    store.put({outputs[0].path: file})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, outputs)
    return claim.job.id


def shown(client: TestClient, job_id: int) -> dict[str, Any]:
    answer = client.get(f"{JOBS}/{job_name(job_id)}")
    assert answer.status_code == 200, answer.text
    held(Job, answer.json())
    return answer.json()  # type: ignore[no-any-return]


def test_a_job_that_succeeded_shows_its_outputs(client: TestClient, job_id: int) -> None:
    found = shown(client, job_id)
    assert (found["status"], found["error"], found["queue_position"]) == ("succeeded", None, None)
    kinds = [one["type"] for one in found["outputs"]]
    assert kinds == ["image", "image", "video", "audio", "text", "file", "latent"]
    assert {one["job_id"] for one in found["outputs"]} == {found["id"]}
    assert found["metrics"]["execution_ms"] >= 0


def test_an_output_is_an_asset_with_a_whole_address(client: TestClient, job_id: int) -> None:
    made = shown(client, job_id)["outputs"][0]
    asset = client.get(f"/api/v2/assets/{made['id']}").json()
    held(Asset, asset)
    assert asset["url"] == made["url"]
    assert asset["url"].startswith(f"http://testserver/api/v2/assets/{made['id']}/content?")
    assert (asset["job_id"], asset["size_bytes"]) == (made["job_id"], made["size_bytes"])


def test_its_bytes_come_whole_or_in_part(client: TestClient, job_id: int) -> None:
    url = shown(client, job_id)["outputs"][0]["url"]
    assert client.get(url).content == CONTENT
    part = client.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, CONTENT[2:5])
    assert client.head(url).headers["content-length"] == "256"
    beyond = client.get(url, headers={"Range": "bytes=999-"})
    refused(beyond, 416, "invalid_request")
    assert beyond.headers["content-range"] == "bytes */256"


def test_a_file_that_the_store_lost_is_not_found(client: TestClient, job_id: int) -> None:
    refused(client.get(f"/api/v2/assets/{output_name(job_id, 1)}/content"), 404, "not_found")


def test_what_names_no_output_is_not_found(client: TestClient, job_id: int) -> None:
    names = [
        output_name(job_id, 7),
        output_name(job_id + 1, 0),
        job_name(job_id),
        "9f8a1c0d-2b3e",
        f"{job_id}",
        "x" * 999,
    ]
    for name in names:
        refused(client.get(f"/api/v2/assets/{name}"), 404, "not_found")
        refused(client.get(f"/api/v2/assets/{name}/content"), 404, "not_found")


def test_a_job_that_failed_says_why(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("3", "KSampler", "ValueError", "bad shapes"))
    found = shown(client, claim.job.id)
    assert (found["status"], found["outputs"]) == ("failed", [])
    error = found["error"]
    assert (error["code"], error["node_id"], error["class_type"]) == ("node_execution_error", "3", "KSampler")
    assert "bad shapes" in error["message"]


@pytest.mark.parametrize("status", JobStatus)
def test_every_status_has_a_word_of_the_contract(client: TestClient, messenger: Messenger, status: JobStatus) -> None:
    with messenger.transaction() as session:
        job = new_job(status=status)
        session.add(job)
        session.flush()
        job_id = job.id
    assert (shown(client, job_id)["status"] == "expired") == (status is JobStatus.EXPIRED)


def test_a_job_whose_deadline_passes_while_it_runs_is_never_expired(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        session.get_one(GenerationJob, claim.job.id).deadline_at = datetime.now(UTC) - timedelta(hours=1)
    assert shown(client, claim.job.id)["status"] == "running"
    with messenger.transaction() as session:
        lifecycle.generated(session, claim.lease)
    assert shown(client, claim.job.id)["status"] == "running", "its files are being stored"
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    assert shown(client, claim.job.id)["status"] == "succeeded"


def test_cancelling_what_has_ended_changes_nothing(client: TestClient, job_id: int) -> None:
    before = shown(client, job_id)
    answer = client.post(before["urls"]["cancel"])
    assert (answer.status_code, answer.json()) == (200, before)


def test_a_job_that_runs_is_canceling_until_it_is_gone(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    answer = client.post(f"{JOBS}/{job_name(claim.job.id)}/cancel")
    assert (answer.status_code, held(Job, answer.json()).status.value) == (200, "canceling")
