"""A system whose files are in a bucket does all that one with a folder does, also while the bucket is away."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.storage.folder_store import FolderStore
from tests.buckets import S3
from tests.chaos.proxy import Link, links
from tests.journeys.conftest import Journey, until

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]
PREFIX = "of-a-system"


@pytest.fixture(scope="module")
def link(s3: S3) -> Iterator[Link]:
    with links() as make:
        yield make(s3.port)


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """What was the store before: it has a file."""
    folder = tmp_path_factory.mktemp("former")
    (folder / "old").write_bytes(b"old")
    return FolderStore(folder)


@pytest.fixture(scope="module")
def variables(s3: S3, link: Link, former: FolderStore) -> dict[str, str]:
    """Services reach the bucket through the link."""
    return s3.behind(link.port).environment(PREFIX) | {"STORAGE_MOVING_FROM": former.root.as_uri()}


def task(here: Journey, **body: object) -> dict[str, object]:
    """A task, once it has ended."""
    answer = here.http.post("/api/v1/tasks", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = {}

    def ended() -> bool:
        found.update(here.http.get(answer.headers["location"]).json())
        return found["state"] in {"completed", "failed", "cancelled"}

    until(ended)
    assert found["state"] == "completed", found
    return found


def test_a_job_is_stored_shown_exported_deleted_and_imported(here: Journey, s3: S3, tmp_path: Path) -> None:
    job = here.completed(here.submit()["id"])
    (output,) = job["outputs"]
    picture = here.http.get(output["url"]).content
    assert picture.startswith(b"\x89PNG")
    assert here.http.get(output["url"], headers={"Range": "bytes=1-3"}).content == b"PNG"
    assert here.http.get(output["thumbnails"]["300"]).status_code == 200
    stored = [entry.key for entry in s3.store(PREFIX).files() if f"/{job['id']}/" in entry.key]
    assert len(stored) == 2, "sizes above the picture's own are one thumbnail"

    made = task(here, kind="export", ids=[job["id"]])
    packed = here.http.get(made["file"]["url"]).content  # type: ignore[index]
    archive = zipfile.ZipFile(io.BytesIO(packed))
    assert archive.testzip() is None
    assert picture in [archive.read(name) for name in archive.namelist()]

    asset = here.http.post("/api/v1/assets", files={"file": ("a.png", picture)})
    assert asset.status_code == 201, asset.text
    assert here.http.get(f"/api/v1/assets/{asset.json()['id']}/content").content == picture
    here.http.delete(f"/api/v1/generation-jobs/{job['id']}").raise_for_status()
    assert not [entry.key for entry in s3.store(PREFIX).files() if f"/{job['id']}/" in entry.key]

    asset = here.http.post("/api/v1/assets", files={"file": ("jobs.zip", packed)})
    made = task(here, kind="import", asset_id=asset.json()["id"])
    assert made["result"]["jobs"] == 1, made  # type: ignore[index]
    (newest, *_) = here.http.get("/api/v1/generation-jobs/").json()["items"]
    assert here.http.get(here.job(newest["id"])["outputs"][0]["url"]).content == picture


def test_while_the_bucket_is_away_results_wait_and_nothing_fails(here: Journey, link: Link) -> None:
    before = here.completed(here.submit()["id"])["outputs"][0]["url"]
    held = here.held_up()
    link.refuse()
    held.let_go()
    until(lambda: "the object store does not answer" in here.http.get("/health/ready").json()["storage"]["detail"])
    answer = here.http.get(before)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert here.job(held.id)["status"] in {"running", "queued"}  # between two looks for the store
    link.listen()
    here.completed(held.id)
    assert here.http.get(before).status_code == 200
    assert max(here.times_run()) == 1


def test_files_move_while_jobs_run(here: Journey, s3: S3, former: FolderStore) -> None:
    job = here.submit()
    made = task(here, kind="move_files", remove_former=True)
    assert made["result"] == {"files": 1, "bytes": 3, "removed": 1, "skipped": {}}
    assert b"".join(s3.store(PREFIX).read("old")) == b"old"
    assert list(former.files()) == []
    here.completed(job["id"])
