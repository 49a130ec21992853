"""An export is a ZIP that any program reads, with a manifest; it is whole, whoever died while it was written."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.messaging.messenger import Messenger
from shared.models import Task, TaskKind, TaskState
from shared.storage.folder_store import FolderStore
from shared.storage.store import NotStored
from tests.jobs import USER, submitted
from tests.sweeps import rest_at_landing
from tests.tasks import asked, done, runner, task
from tests.worker_service.tasks.archives import completed
from tests.worker_service.tasks.contents import sha256_of
from tests.worker_service.waiting import until
from worker_service.tasks.archives import export as exporting
from worker_service.tasks.archives.growing import GrowingArchive, Lengths, finish
from worker_service.tasks.archives.zip_records import Entry, central_record, end_records, local_header

JOBS = 30


def archive_of(folder: Path, made: Task) -> zipfile.ZipFile:
    assert made.file, made.error_message
    path = FolderStore(folder / "outputs").path(made.file["path"])
    assert (path.stat().st_size, sha256_of(path.read_bytes())) == (made.file["size_bytes"], made.file["sha256"])
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    return archive


def manifest_of(archive: zipfile.ZipFile) -> list[Any]:
    return [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


def test_each_job_has_a_line_and_each_file_an_entry(messenger: Messenger, tmp_path: Path) -> None:
    job_id = completed(messenger, tmp_path, b"picture", caller_metadata={"shot": "1"})
    submitted(messenger)
    made = done(messenger, tmp_path, asked(messenger, TaskKind.EXPORT))
    assert made.result == {"jobs": 1, "files": 2, "bytes": 12, "skipped": {"queued": 1}}
    archive = archive_of(tmp_path, made)
    head, job = manifest_of(archive)
    assert (head["format"], head["version"], head["user_id"]) == ("genonaut-archive", 1, str(USER))
    assert (job["source"], job["status"], job["caller_metadata"]) == (f"{USER}/{job_id}", "completed", {"shot": "1"})
    assert not {"secrets", "worker_id", "request_id"} & job.keys()
    (output,) = job["outputs"]
    assert archive.read(output["file"]) == b"picture"
    assert output["sha256"] == sha256_of(b"picture")
    small = output["thumbnails"]["300"]
    assert (archive.read(small["file"]), small["sha256"]) == (b"small", sha256_of(b"small"))


def test_a_file_that_the_store_has_lost_or_changed_is_counted(messenger: Messenger, tmp_path: Path) -> None:
    kept, lost, changed = (completed(messenger, tmp_path, content) for content in (b"1", b"2", b"3"))
    for path in (tmp_path / "outputs").rglob("0.png"):
        if f"/{lost}/" in str(path):
            path.unlink()
        if f"/{changed}/" in str(path):
            path.write_bytes(b"33")
    made = done(messenger, tmp_path, asked(messenger, TaskKind.EXPORT))
    assert made.result["skipped"] == {"file_missing": 2}
    _, *jobs = manifest_of(archive_of(tmp_path, made))
    assert [bool(job["outputs"][0]["file"]) for job in jobs] == [True, False, False]
    assert [job["source"] for job in jobs] == [f"{USER}/{job_id}" for job_id in (kept, lost, changed)]


def test_one_of_no_jobs_is_an_archive_too(messenger: Messenger, tmp_path: Path) -> None:
    made = done(messenger, tmp_path, asked(messenger, TaskKind.EXPORT))
    assert len(manifest_of(archive_of(tmp_path, made))) == 1


def test_what_was_written_of_a_page_that_broke_off_is_cut(
    messenger: Messenger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 1)
    for number in range(3):
        completed(messenger, tmp_path, b"%d" % number)
    task_id = asked(messenger, TaskKind.EXPORT)
    worker = runner(messenger, tmp_path)
    object.__setattr__(worker, "turn_s", -1.0)
    while not task(messenger, task_id).state.is_final:
        assert worker.run_one()
        for part in (tmp_path / "outputs").rglob("tasks/*/*"):
            if part.name != "archive.zip" or not task(messenger, task_id).state.is_final:
                part.write_bytes(part.read_bytes() + b"of a worker that died")
    assert len(manifest_of(archive_of(tmp_path, task(messenger, task_id)))) == 4


def test_two_never_write_one_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with store.growing("a/b", 0), pytest.raises(NotStored, match="another worker"):
        store.growing("a/b", 0)
    with pytest.raises(NotStored, match="shorter"):
        store.growing("a/b", 1)


def test_sizes_and_places_beyond_four_gigabytes_are_written_as_zip64_has_them(tmp_path: Path) -> None:
    large = 5 * 1024**3
    header = local_header("large", large)
    entries = [Entry("large", large, 7, 0), Entry("behind", 3, 8, len(header) + large)]
    behind = local_header("behind", 3) + b"abc"
    directory = b"".join(map(central_record, entries))
    path = tmp_path / "sparse.zip"
    with path.open("wb") as file:
        file.write(header)
        file.seek(len(header) + large)  # a hole takes no place
        at = file.tell() + len(behind)
        file.write(behind + directory + end_records(2, at, len(directory)))
    with zipfile.ZipFile(path) as archive:
        assert [(one.filename, one.file_size, one.header_offset) for one in archive.infolist()] == [
            ("large", large, 0),
            ("behind", 3, entries[1].at),
        ]


@pytest.mark.broad
def test_more_entries_than_sixteen_bits_count_are_all_there(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with GrowingArchive(store, "a", Lengths()) as growing:
        for number in range(66_000):
            growing.add(str(number), 0, [])
        growing.sync()
        lengths = growing.lengths
    finish(store, "a", lengths, lambda: None)
    with zipfile.ZipFile(store.path("a/archive.zip")) as archive:
        assert len(archive.namelist()) == 66_001


@pytest.mark.system
@pytest.mark.parametrize("kind", rest_at_landing([TaskKind.EXPORT, TaskKind.DELETE_JOBS]))
def test_one_outlives_its_workers_that_are_killed_in_the_middle(
    messenger: Messenger, environ: dict[str, str], tmp_path: Path, kind: TaskKind
) -> None:
    for number in range(JOBS):
        completed(messenger, tmp_path, b"%d" % number)
    task_id = asked(messenger, kind)
    for name in ("first", "second"):
        with started(environ, name, "5") as worker:
            more = task(messenger, task_id).done + 3
            until(partial(has_done, messenger, task_id, more))
            worker.send_signal(signal.SIGKILL)
        assert task(messenger, task_id).state is TaskState.RUNNING
    with started(environ, "last") as worker:
        assert worker.wait(60) == 0
    made = task(messenger, task_id)
    assert (made.state, made.done, made.claims >= 3) == (TaskState.COMPLETED, JOBS, True), made.error_message
    if kind is TaskKind.DELETE_JOBS:
        assert made.result == {"changed": JOBS, "skipped": {}, "dry_run": False}
        return
    _, *jobs = manifest_of(archive_of(tmp_path, made))
    assert len({job["source"] for job in jobs}) == len(jobs) == made.result["jobs"] == JOBS
    assert (made.result["files"], made.result["skipped"]) == (2 * JOBS, {})


def has_done(messenger: Messenger, task_id: UUID, done: int) -> bool:
    return task(messenger, task_id).done >= done


@contextmanager
def started(environ: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with pages of one job, and a lease of a second. It has a name, and stands still after so many pages."""
    command = [sys.executable, "-m", "tests.task_process", *arguments]
    with subprocess.Popen(command, env={**os.environ, **environ}) as process:
        try:
            yield process
        finally:
            process.kill()
