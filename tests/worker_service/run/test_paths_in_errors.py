"""What a user reads of a failure names no path of the worker's machine."""

from pathlib import Path

import pytest

from shared.jobs.errors import OutputCorrupt
from shared.models import JobStatus
from shared.storage.folder_store import FolderStore
from shared.texts.reasons import without_paths
from tests import jobs
from tests.worker_service.deployment import Deployment
from worker_service.fleet.restart_command import Restarter
from worker_service.media.pool import MediaPool


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.mp4", "a.webm", "a.flac", "a.mp3", "a.gif", "a.jpg"])
@pytest.mark.parametrize(
    "content", [b"", b"junk" * 100, b"\x89PNG\r\n\x1a\n" + b"\0" * 50], ids=["empty", "junk", "png"]
)
def test_a_file_of_junk_is_damaged_and_nobody_learns_where_it_was(
    tmp_path: Path, name: str, content: bytes, pool: MediaPool
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OutputCorrupt) as caught:
        pool.examine(tmp_path / name, name)
    assert str(tmp_path) not in str(caught.value)
    assert str(tmp_path) not in str(caught.value.details)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot identify image file '/tmp/a b/output'", "cannot identify image file the file"),
        (
            "[Errno 28] No space left on device: '/tmp/x/1.webp' -> \"/tmp/y\"",
            "[Errno 28] No space left on device: the file -> the file",
        ),
        ("it's 5/8 done", "it's 5/8 done"),
    ],
)
def test_a_quoted_path_is_left_out(text: str, shown: str) -> None:
    assert without_paths(text) == shown


def test_a_store_that_refuses_names_its_key_and_not_its_folder(deployment: Deployment) -> None:
    deployment.folder.parent.mkdir(parents=True, exist_ok=True)
    deployment.folder.write_text("in its place")
    with deployment.worker(STORAGE_PATIENCE="1ms") as worker:
        worker.resources.jobs.run.storage.worked()
        job_id = deployment.submit()
        deployment.put_back(job_id)
        worker.resources.jobs.run.storage.worked()
        job = deployment.ended(job_id, JobStatus.FAILED)
    deployment.folder.unlink()
    said = [row.error_message or "" for row in jobs.attempts(deployment.messenger, job_id)]
    said += [str(row.data) for row in jobs.events(deployment.messenger, job_id)]
    said += [job.error_message or "", str(job.error_details)]
    assert any("File exists" in text for text in said)
    assert not [text for text in said if str(deployment.folder.parent) in text]


@pytest.mark.broad
def test_a_restart_command_that_is_not_there_is_said_without_its_path(tmp_path: Path) -> None:
    told: list[tuple[bool, str]] = []
    Restarter(str(tmp_path / "restart")).run("http://gpu", lambda went_well, said: told.append((went_well, said)))
    assert told == [(False, "the command could not be run: No such file or directory")]


def test_a_folder_store_is_checked_without_leaving_anything(tmp_path: Path) -> None:
    FolderStore(tmp_path / "a" / "b").check()
    FolderStore(tmp_path).check()
    assert list(tmp_path.iterdir()) == []
