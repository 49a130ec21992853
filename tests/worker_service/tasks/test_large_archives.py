"""Thousands of jobs leave one user and come to another, though the workers at it are killed on the way."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, func, select

from shared.messaging.messenger import Messenger
from shared.models import Asset, AssetKind, GenerationJob, JobOutput, Task, TaskKind, TaskState
from shared.storage.folder_store import FolderStore
from tests.jobs import ANOTHER_USER, USER
from tests.tasks import asked, task
from tests.worker_service.tasks.archives import completed
from tests.worker_service.tasks.contents import sha256_of
from tests.worker_service.tasks.test_exports import archive_of, has_done, manifest_of, started
from tests.worker_service.waiting import until

JOBS = int(os.environ.get("ARCHIVED_JOBS", "1000"))
PAGE = 20


def outliving_kills(messenger: Messenger, environ: dict[str, str], task_id: UUID) -> Task:
    """The task, done by workers of which two are killed: after a third, and after two."""
    paged, third = {**environ, "TASK_PAGE": str(PAGE)}, JOBS // 3 // PAGE
    for name in ("first", "second"):
        with started(paged, name, str(third)) as worker:
            # An import takes the archive first, which counts as a page; and its first line is no job.
            until(partial(has_done, messenger, task_id, task(messenger, task_id).done + (third - 1) * PAGE - 1))
            worker.send_signal(signal.SIGKILL)
        assert task(messenger, task_id).state is TaskState.RUNNING
    with started(paged, "last") as worker:
        assert worker.wait(600) == 0
    return task(messenger, task_id)


@pytest.mark.long
@pytest.mark.system
@pytest.mark.timeout(1800)
def test_thousands_of_jobs_outlive_kills_of_their_export_and_of_their_import(
    messenger: Messenger, environ: dict[str, str], tmp_path: Path
) -> None:
    for number in range(JOBS):
        completed(messenger, tmp_path, b"picture %d" % number, caller_metadata={"shot": number})
    made = outliving_kills(messenger, environ, asked(messenger, TaskKind.EXPORT))
    assert (made.state, made.claims >= 3) == (TaskState.COMPLETED, True), made.error_message
    assert made.file
    _, *jobs = manifest_of(archive_of(tmp_path, made))
    assert len({job["source"] for job in jobs}) == len(jobs) == made.result["jobs"] == JOBS
    with messenger.transaction() as session:
        facts: dict[str, Any] = {
            "name": "a.zip",
            "kind": AssetKind.OTHER,
            "media_type": "application/zip",
            "size_bytes": 1,
        }
        asset = Asset(user_id=ANOTHER_USER, hash="blake3:0", path=made.file["path"], **facts)
        session.add(asset)
    parameters = {"asset_id": str(asset.id)}
    arrived = outliving_kills(
        messenger, environ, asked(messenger, TaskKind.IMPORT, user_id=ANOTHER_USER, parameters=parameters)
    )
    assert (arrived.state, arrived.result["jobs"]) == (TaskState.COMPLETED, JOBS), arrived.error_message
    assert arrived.result["skipped"] in ({}, {"exists": 0})
    with messenger.transaction() as session:
        theirs = session.exec(select(GenerationJob).where(GenerationJob.user_id == ANOTHER_USER)).all()
        shots = {job.id: job.caller_metadata["shot"] for job in theirs}
        files = session.exec(select(JobOutput).where(col(JobOutput.job_id).in_(shots))).all()
        assert session.exec(select(func.count()).where(GenerationJob.user_id == USER)).one() == JOBS
    assert sorted(shots.values()) == list(range(JOBS))
    store = FolderStore(tmp_path / "outputs")
    for output in files:
        content = b"".join(store.read(output.path))
        assert (content, output.sha256) == (b"picture %d" % shots[output.job_id], sha256_of(content))
