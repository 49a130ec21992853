"""POST /api/v1/assets/from-output: an output and its asset share their bytes, and each stays without the other."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.files.folders import job_folder
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.storage.opening import open_storage
from tests.api_service.assets.assets import ASSETS, PNG, files, notes, stored_bytes, uploaded
from tests.api_service.conftest import bearer, new_key
from tests.jobs import output, running

URL = f"{ASSETS}/from-output"
JOBS = "/api/v1/generation-jobs"


@pytest.fixture
def job_id(messenger: Messenger, settings: Settings, tmp_path: Path) -> int:
    """A completed job with one output, the bytes of PNG."""
    claim = running(messenger)
    made = output(claim, path=f"{job_folder(claim.job)}/1/0.png", size_bytes=len(PNG))
    (tmp_path / "file").write_bytes(PNG)
    open_storage(settings).store.put({made.path: tmp_path / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [made])
    return claim.job.id


def refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


def test_no_byte_is_copied_and_each_is_counted(
    client: TestClient, settings: Settings, messenger: Messenger, job_id: int
) -> None:
    response = client.post(URL, json={"job_id": job_id, "number": 0, "tags": ["input"]})
    assert response.status_code == 201, response.text
    asset = response.json()
    assert (asset["job_id"], asset["name"], asset["kind"]) == (job_id, f"job-{job_id}-0.png", "image")
    one, other = files(settings)
    assert one.samefile(other)
    assert stored_bytes(messenger) == 2 * len(PNG)
    again = client.post(URL, json={"job_id": job_id})
    assert (again.status_code, again.json()["id"]) == (200, asset["id"])
    assert (len(files(settings)), notes(messenger)) == (2, [])


def test_the_asset_stays_when_the_job_is_deleted(
    client: TestClient, settings: Settings, messenger: Messenger, job_id: int
) -> None:
    asset = client.post(URL, json={"job_id": job_id, "name": "mine.png"}).json()
    assert client.delete(f"{JOBS}/{job_id}").status_code == 204
    assert client.get(asset["url"]).content == PNG
    assert client.get(f"{ASSETS}/{asset['id']}").json()["job_id"] == job_id
    assert stored_bytes(messenger) == len(PNG)
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204
    assert (files(settings), stored_bytes(messenger)) == ([], 0)


def test_the_output_stays_when_the_asset_is_deleted(client: TestClient, job_id: int, messenger: Messenger) -> None:
    asset = client.post(URL, json={"job_id": job_id}).json()
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204
    assert client.get(f"{JOBS}/{job_id}/outputs/0").content == PNG
    assert stored_bytes(messenger) == len(PNG)


def test_bytes_that_were_uploaded_before_are_not_linked_again(
    client: TestClient, settings: Settings, job_id: int
) -> None:
    first = uploaded(client)
    response = client.post(URL, json={"job_id": job_id})
    assert (response.status_code, response.json()["hash"]) == (200, first["hash"])
    assert len(files(settings)) == 2


def test_what_cannot_be_kept_is_refused_and_nothing_is_left(
    client: TestClient, settings: Settings, messenger: Messenger, engine: Engine, job_id: int
) -> None:
    stranger = bearer(new_key(engine, another=True))
    refused(client.post(URL, json={"job_id": job_id}, headers=stranger), 404, "job_not_found")
    refused(client.post(URL, json={"job_id": 2**31 - 1}), 404, "job_not_found")
    refused(client.post(URL, json={"job_id": job_id, "number": 1}), 404, "output_not_found")
    refused(client.post(URL, json={"job_id": job_id, "name": "a/b"}), 422, "invalid_fields")
    (file,) = files(settings)
    file.unlink()
    refused(client.post(URL, json={"job_id": job_id}), 410, "output_gone")
    assert (files(settings), notes(messenger), stored_bytes(messenger)) == ([], [], len(PNG))


def test_an_output_that_is_too_large_for_an_asset_is_refused(
    environ: dict[str, str], messenger: Messenger, key: str
) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, size_bytes=2001)])
    app = create_app(load_settings({**environ, "ASSET_MAX_BYTES": "2000"}))
    with TestClient(app, headers=bearer(key)) as client:
        refused(client.post(URL, json={"job_id": claim.job.id}), 413, "asset_too_large")
