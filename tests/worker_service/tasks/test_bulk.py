"""Many jobs are deleted, cancelled, tagged, prioritized or tried again, in pages; what is not possible is counted."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from shared.files.folders import job_folder
from shared.fleet.fence import Fence
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import (
    Asset,
    AssetKind,
    AssetUse,
    GenerationJob,
    JobEvent,
    JobStatus,
    JobWebhook,
    Task,
    TaskKind,
    TaskState,
    User,
    WebhookEndpoint,
)
from shared.storage.folder_store import FolderStore
from tests.jobs import ANOTHER_USER, USER, job, output, running, submitted
from tests.quarantine import FINGERPRINT, quarantined
from tests.tasks import asked, done, ended, runner, task
from worker_service.tasks.bulk import pages
from worker_service.tasks.bulk.actions import merged_with


def completed(messenger: Messenger, folder: Path) -> GenerationJob:
    """A job with an output of three bytes in the store."""
    claim = running(messenger)
    made = output(claim, path=f"{job_folder(claim.job)}/1/0.png")
    (folder / "file").write_bytes(b"abc")
    FolderStore(folder / "outputs").put({made.path: folder / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [made])
    return claim.job


def result(changed: int, *, dry_run: bool = False, **skipped: int) -> dict[str, Any]:
    return {"changed": changed, "skipped": skipped, "dry_run": dry_run}


def children(messenger: Messenger) -> list[GenerationJob]:
    with messenger.transaction() as session:
        found = select(GenerationJob).where(col(GenerationJob.parent_id).is_not(None))
        return list(session.exec(found.order_by(col(GenerationJob.id))))


def bulk(messenger: Messenger, folder: Path, kind: TaskKind, parameters: dict[str, Any], **more: Any) -> Task:
    terms = more.pop("terms", {})
    return done(messenger, folder, asked(messenger, kind, parameters=parameters, terms=terms), **more)


def test_ended_jobs_are_deleted_with_their_files_and_the_others_counted(messenger: Messenger, tmp_path: Path) -> None:
    gone = completed(messenger, tmp_path)
    kept = running(messenger).job.id, submitted(messenger), submitted(messenger, user_id=ANOTHER_USER)
    ended(messenger)
    made = bulk(messenger, tmp_path, TaskKind.DELETE_JOBS, {"all": True})
    assert made.result == result(2, queued=1, running=1)
    assert (made.state, made.done, made.total) == (TaskState.COMPLETED, 4, 4)
    with messenger.transaction() as session:
        assert set(session.exec(select(GenerationJob.id))) == set(kept)
        assert session.get_one(User, USER).stored_bytes == 0
    assert not (tmp_path / "outputs" / job_folder(gone)).exists()


@pytest.mark.parametrize("kind", [TaskKind.DELETE_JOBS, TaskKind.RETRY_JOBS, TaskKind.CANCEL_JOBS])
def test_a_dry_run_tells_the_count_and_does_nothing(messenger: Messenger, tmp_path: Path, kind: TaskKind) -> None:
    jobs = [ended(messenger), submitted(messenger)]
    before = [job(messenger, job_id).updated_at for job_id in jobs]
    made = bulk(messenger, tmp_path, kind, {"all": True, "dry_run": True})
    skipped = {"cancelled": 1} if kind is TaskKind.CANCEL_JOBS else {"queued": 1}
    assert made.result == result(1, dry_run=True, **skipped)
    assert [job(messenger, job_id).updated_at for job_id in jobs] == before
    assert not children(messenger)


def test_jobs_that_have_not_ended_are_cancelled(messenger: Messenger, tmp_path: Path) -> None:
    held, waiting, over = running(messenger).job.id, submitted(messenger), ended(messenger)
    made = bulk(messenger, tmp_path, TaskKind.CANCEL_JOBS, {"ids": [held, waiting, over]})
    assert made.result == result(2, cancelled=1)
    assert [job(messenger, one).status for one in (held, waiting)] == [JobStatus.CANCELLING, JobStatus.CANCELLED]


def test_a_filter_chooses_and_ids_do_and_what_is_anothers_is_not_there(messenger: Messenger, tmp_path: Path) -> None:
    mine, other = ended(messenger, caller_metadata={"shot": "1"}), ended(messenger)
    anothers = ended(messenger, user_id=ANOTHER_USER, caller_metadata={"shot": "1"})
    made = bulk(messenger, tmp_path, TaskKind.TAG_JOBS, {"filter": {"metadata": ["shot:1"]}, "metadata": {"a": 1}})
    assert made.result == result(1)
    made = bulk(messenger, tmp_path, TaskKind.TAG_JOBS, {"ids": [mine, other, anothers], "metadata": {"b": 2}})
    assert made.result == result(2, not_found=1)
    assert job(messenger, mine).caller_metadata == {"shot": "1", "a": 1, "b": 2}
    assert job(messenger, anothers).caller_metadata == {"shot": "1"}


def test_an_admins_task_is_about_everybodys_jobs(messenger: Messenger, tmp_path: Path) -> None:
    ended(messenger)
    ended(messenger, user_id=ANOTHER_USER)
    assert bulk(messenger, tmp_path, TaskKind.DELETE_JOBS, {"all": True}, terms={"owner": None}).result == result(2)


def test_tags_are_merged_and_what_grows_too_large_is_left(messenger: Messenger, tmp_path: Path) -> None:
    full, has, waits = (
        ended(messenger, caller_metadata={"x": "y" * 4000}),
        ended(messenger, caller_metadata={"tag": "z" * 100}),
        submitted(messenger, caller_metadata={"tag": "old", "gone": 1}),
    )
    patch = {"tag": "z" * 100, "gone": None}
    made = bulk(messenger, tmp_path, TaskKind.TAG_JOBS, {"all": True, "metadata": patch})
    assert made.result == result(1, metadata_too_large=1, unchanged=1)
    assert job(messenger, waits).caller_metadata == {"tag": "z" * 100}
    assert job(messenger, full).caller_metadata == {"x": "y" * 4000}
    assert job(messenger, has).caller_metadata == {"tag": "z" * 100}


@pytest.mark.parametrize(
    ("value", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [1]}, {"a": {"b": None, "c": 2}}, {"a": {"c": 2}}),
        ({"a": "b"}, {"b": {"c": None}}, {"a": "b", "b": {}}),
    ],
)
def test_a_merge_patch_is_as_rfc_7396_has_it(value: Any, patch: Any, merged: Any) -> None:
    assert merged_with(value, patch) == merged


def test_only_what_waits_gets_another_priority(messenger: Messenger, tmp_path: Path) -> None:
    over, waits = ended(messenger), submitted(messenger)
    made = bulk(messenger, tmp_path, TaskKind.PRIORITIZE_JOBS, {"all": True, "priority": 9})
    assert made.result == result(1, cancelled=1)
    assert (job(messenger, over).priority, job(messenger, waits).priority) == (5, 9)


def asset(messenger: Messenger) -> UUID:
    with messenger.transaction() as session:
        made = Asset(
            user_id=USER,
            name="a.png",
            kind=AssetKind.IMAGE,
            media_type="image/png",
            size_bytes=1,
            hash="blake3:1",
            path="a",
        )
        session.add(made)
    return made.id


def test_a_retry_is_a_new_job_with_all_that_was_asked_for(messenger: Messenger, tmp_path: Path) -> None:
    picture = asset(messenger)
    takes = {"1": {"image": str(picture)}}
    parent = ended(messenger, caller_metadata={"shot": "1"}, priority=7, assets=takes)
    with messenger.transaction() as session:
        session.add(JobWebhook(job_id=parent, url="https://example.com/"))
    woken: list[bool] = []
    made = bulk(messenger, tmp_path, TaskKind.RETRY_JOBS, {"all": True}, wake_jobs=lambda: woken.append(True))
    assert made.result == result(1)
    (child,) = children(messenger)
    assert (child.parent_id, child.status, child.priority) == (parent, JobStatus.QUEUED, 7)
    assert (child.caller_metadata, child.assets, child.params) == ({"shot": "1"}, takes, job(messenger, parent).params)
    with messenger.transaction() as session:
        assert session.get(AssetUse, (picture, child.id))
        assert session.get_one(JobWebhook, child.id).url == "https://example.com/"
        assert session.exec(select(WebhookEndpoint.of_jobs)).all() == [True], "without it nobody is told"
        assert session.exec(select(JobEvent.type).where(JobEvent.job_id == child.id)).all() == ["queued"]
    assert woken


def test_what_cannot_be_tried_again_is_counted_by_its_reason(messenger: Messenger, tmp_path: Path) -> None:
    ended(messenger, assets={"1": {"image": str(UUID(int=7))}})
    ended(messenger, checkpoint_model=None)  # of another making
    ended(messenger, workflow={"1": {"class_type": "Shell", "inputs": {}}})
    ended(messenger, workflow_key=FINGERPRINT)
    quarantined(messenger)
    ended(messenger)
    submitted(messenger)
    made = bulk(messenger, tmp_path, TaskKind.RETRY_JOBS, {"all": True}, fence=Fence(denied=("Shell",)))
    assert made.result == result(
        1, asset_gone=1, not_repeatable=1, node_not_allowed=1, workflow_quarantined=1, queued=1
    )


def test_no_more_jobs_wait_than_may_and_the_task_goes_on_later(messenger: Messenger, tmp_path: Path) -> None:
    for _ in range(3):
        ended(messenger)
    task_id = asked(messenger, TaskKind.RETRY_JOBS, terms={"queued_jobs": 2})
    runner(messenger, tmp_path).run_one()
    assert len(children(messenger)) == 2
    assert (task(messenger, task_id).done, task(messenger, task_id).state) == (2, TaskState.RUNNING)


def test_each_page_is_a_transaction_and_none_is_done_twice(
    messenger: Messenger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    parents = [ended(messenger) for _ in range(5)]
    task_id = asked(messenger, TaskKind.RETRY_JOBS)
    worker = runner(messenger, tmp_path)
    object.__setattr__(worker, "turn_s", -1.0)
    seen = []
    while not task(messenger, task_id).state.is_final:
        assert worker.run_one()
        seen.append(task(messenger, task_id).done)
    assert seen == [2, 4, 5]
    assert [child.parent_id for child in children(messenger)] == parents
