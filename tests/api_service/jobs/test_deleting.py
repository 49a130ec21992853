"""DELETE .../{id}: the row, what belongs to it, and its files; a note stands for the files while they may be there."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, text, update
from sqlmodel import select
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.files.folders import job_folder
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.deletion import delete_job
from shared.jobs.errors import NodeFailed
from shared.messaging.messenger import EVENTS, Messenger
from shared.models import (
    DiscardedFolder,
    GenerationJob,
    JobAttempt,
    JobEvent,
    JobOutput,
    JobStatistic,
    JobStatus,
    Scope,
    User,
)
from shared.storage.opening import open_storage
from tests.api_service.conftest import bearer, new_key
from tests.cleaning import cleaned
from tests.jobs import USER, job, output, running, submitted

URL = "/api/v1/generation-jobs"


def completed(messenger: Messenger, settings: Settings, tmp_path: Path, **values: Any) -> Claim:
    """A completed job with two outputs of 3 and 500 bytes, whose files are there."""
    claim = running(messenger, **values)
    store, folder = open_storage(settings).store, job_folder(claim.job)
    outputs = [
        output(claim, number, path=f"{folder}/1/{number}.png", size_bytes=size) for number, size in enumerate((3, 500))
    ]
    for one in outputs:
        file = tmp_path / "content"
        file.write_bytes(b"x" * one.size_bytes)
        store.put({one.path: file})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, outputs)
    return claim


def stored_bytes(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.get_one(User, USER).stored_bytes


def files(settings: Settings) -> list[Path]:
    return [path for path in root(settings).rglob("*") if path.is_file()]


def root(settings: Settings) -> Path:
    return Path(urlsplit(settings.storage_url).path)


def notes(messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.exec(select(DiscardedFolder.folder)))


def test_a_deleted_job_is_gone_with_all_that_belongs_to_it(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    gone, stays = completed(messenger, settings, tmp_path).job.id, completed(messenger, settings, tmp_path).job.id
    child = submitted(messenger, parent_id=gone)
    assert stored_bytes(messenger) == 1006
    response = client.delete(f"{URL}/{gone}")
    assert (response.status_code, response.content) == (204, b"")
    assert client.get(f"{URL}/{gone}").json()["code"] == "job_not_found"
    assert client.get(f"{URL}/{gone}/outputs/0").json()["code"] == "job_not_found"
    assert client.delete(f"{URL}/{gone}").json()["code"] == "job_not_found"
    with messenger.transaction() as session:
        for job_ids in (JobOutput.job_id, JobEvent.job_id, JobAttempt.job_id):
            assert set(session.exec(select(job_ids))) <= {stays, child}
    assert {path.parent.parent.name for path in files(settings)} == {str(stays)}
    assert stored_bytes(messenger) == 503
    assert job(messenger, child).parent_id is None


def test_a_deleted_job_stays_counted(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    claim = completed(messenger, settings, tmp_path)
    before = client.get(f"{URL}/stats").json()
    client.delete(f"{URL}/{claim.job.id}")
    assert client.get(f"{URL}/stats").json() == before
    with messenger.transaction() as session:
        assert session.exec(select(func.sum(JobStatistic.jobs))).one() == 1


def test_only_a_job_that_has_ended_is_deleted(client: TestClient, messenger: Messenger) -> None:
    claim, waiting = running(messenger), submitted(messenger)
    for job_id, status in ((claim.job.id, "running"), (waiting, "queued")):
        response = client.delete(f"{URL}/{job_id}")
        assert (response.status_code, response.json()["code"]) == (409, "job_not_ended")
        assert status in response.json()["detail"]
        assert client.get(f"{URL}/{job_id}").json()["status"] == status
    client.post(f"{URL}/{claim.job.id}/cancel")
    assert client.delete(f"{URL}/{claim.job.id}").status_code == 409, "it is cancelling"
    client.post(f"{URL}/{waiting}/cancel")
    assert client.delete(f"{URL}/{waiting}").status_code == 204
    assert stored_bytes(messenger) == 0


def test_anothers_job_cannot_be_deleted(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    client.post(f"{URL}/{job_id}/cancel")
    stranger = bearer(new_key(messenger.engine, another=True))
    response = client.delete(f"{URL}/{job_id}", headers=stranger)
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    assert client.delete(f"{URL}/{job_id}", headers=bearer(new_key(messenger.engine, Scope.READ))).status_code == 403
    assert client.delete(f"{URL}/{job_id}", headers=bearer(new_key(messenger.engine, Scope.ADMIN))).status_code == 204


def test_files_that_were_left_behind_are_removed_later_and_the_note_last(
    messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    """The process ended between the row and the files."""
    claim = completed(messenger, settings, tmp_path)
    with messenger.transaction() as session:
        delete_job(session, claim.job.id, USER)
    assert (len(files(settings)), notes(messenger)) == (2, [job_folder(claim.job)])
    assert cleaned(messenger, settings, "folders") == 0, "a worker may be writing there yet"
    an_hour_ago(messenger)
    assert cleaned(messenger, settings, "folders") == 1
    assert (files(settings), notes(messenger)) == ([], [])
    assert cleaned(messenger, settings, "folders") == 0


def test_files_of_a_worker_that_was_given_up_for_dead_are_removed_too(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    claim = completed(messenger, settings, tmp_path)
    client.delete(f"{URL}/{claim.job.id}")
    assert files(settings) == []
    late = tmp_path / "late"
    late.write_bytes(b"late")
    store = open_storage(settings).store
    store.put({f"{job_folder(claim.job)}/2/0.png": late})
    assert notes(messenger) == [job_folder(claim.job)], "somebody knows of that file"
    an_hour_ago(messenger)
    cleaned(messenger, settings, "folders")
    assert (files(settings), notes(messenger)) == ([], [])


def test_a_folder_that_cannot_be_removed_stays_noted(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    claim, another = completed(messenger, settings, tmp_path), completed(messenger, settings, tmp_path)
    folder = root(settings) / job_folder(claim.job)
    aside = folder.rename(tmp_path / "aside")
    folder.symlink_to(aside)
    for one in (claim, another):
        assert client.delete(f"{URL}/{one.job.id}").status_code == 204
    an_hour_ago(messenger)
    assert cleaned(messenger, settings, "folders") == 1
    assert notes(messenger) == [job_folder(claim.job)]
    folder.unlink()
    aside.rename(folder)
    assert cleaned(messenger, settings, "folders") == 1
    assert (files(settings), notes(messenger)) == ([], [])


def an_hour_ago(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        long_ago = func.now() - text("interval '61 minutes'")
        session.exec(update(DiscardedFolder).values(created_at=long_ago))


def test_a_watcher_of_a_deleted_job_is_let_go(client: TestClient, messenger: Messenger) -> None:
    """It was never told how the job ended, and its rows are gone."""
    claim = running(messenger)
    with client.websocket_connect(f"/ws/jobs/{claim.job.id}") as socket:
        assert socket.receive_json()["type"] == "snapshot"
        with transaction(messenger.engine) as session:
            session.info[EVENTS] = []  # which nobody publishes
            lifecycle.fail(session, claim.lease, NodeFailed("9", "SaveImage", "ValueError", "no"))
            session.flush()
            delete_job(session, claim.job.id, USER)
        assert socket.receive_json()["type"] == "deleted"
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert (closed.value.code, closed.value.reason) == (1000, "deleted")


@pytest.mark.broad
@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_a_delete_comes_before_or_after_the_end_and_never_between(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path, end: str
) -> None:
    for _ in range(15):
        claim = running(messenger)
        start = Barrier(9)

        def delete(job_id: int = claim.job.id, start: Barrier = start) -> int:
            start.wait()
            return client.delete(f"{URL}/{job_id}").status_code

        def finish(claim: Claim = claim, start: Barrier = start) -> None:
            start.wait()
            with messenger.transaction() as session:
                if end == "complete":
                    lifecycle.complete(session, claim.lease, [output(claim, size_bytes=100)])
                else:
                    cancel_one(session, claim.job.id)
                    lifecycle.confirm_cancel(session, claim.lease)

        with ThreadPoolExecutor(9) as threads:
            finishing = threads.submit(finish)
            answers = [threads.submit(delete) for _ in range(8)]
            statuses = sorted(answer.result() for answer in answers)
            finishing.result()
        assert set(statuses) <= {204, 404, 409}
        assert statuses.count(204) <= 1
        assert (404 not in statuses) or 204 in statuses
        with messenger.transaction() as session:
            there = session.get(GenerationJob, claim.job.id)
            assert (there is None) == (204 in statuses)
            if there is not None:
                assert there.status in {JobStatus.COMPLETED, JobStatus.CANCELLED}
                delete_job(session, claim.job.id, None)
        assert stored_bytes(messenger) == 0
    with messenger.transaction() as session:
        counted = session.exec(select(func.sum(JobStatistic.jobs))).one()
        assert counted == 15
        assert session.exec(select(GenerationJob.id)).all() == []
    assert len(notes(messenger)) == 15
