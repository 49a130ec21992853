"""The assets that jobs took go with them: each content once, and an imported job can be run again with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from sqlmodel import col, select

from shared.messaging.messenger import Messenger
from shared.models import Asset, AssetKind, AssetUse, DiscardedFolder, GenerationJob, TaskKind, TaskState, User
from shared.storage.folder_store import FolderStore
from shared.workflows.references import reference_to
from tests.jobs import ANOTHER_USER, USER
from tests.tasks import asked, done, runner, task
from tests.worker_service.tasks.archives import completed
from tests.worker_service.tasks.test_exports import archive_of, manifest_of
from tests.worker_service.tasks.test_imports import changed, imported, theirs, with_line
from worker_service.tasks.archives import export as exporting

PHOTO = b"\x89PNG\r\n\x1a\n" + b"photo" * 20


def asset(messenger: Messenger, folder: Path, content: bytes = PHOTO, **values: Any) -> Asset:
    """An asset of USER's, unless it says whose."""
    made = blake3(content).hexdigest()
    facts: dict[str, Any] = {"user_id": USER, "name": "photo.png", "kind": AssetKind.IMAGE, "tags": ["mine"]} | values
    path = f"{facts['user_id']}/assets/{made[:8]}/content"
    (folder / "file").write_bytes(content)
    FolderStore(folder / "outputs").put({path: folder / "file"})
    row = Asset(media_type="image/png", size_bytes=len(content), hash=f"blake3:{made}", path=path, **facts)
    with messenger.transaction() as session:
        session.add(row)
    return row


def taking(messenger: Messenger, folder: Path, *assets: Asset) -> None:
    """A job that took these assets: by reference the first, by their names the others."""
    inputs = {f"image{number}": one.name for number, one in enumerate(assets)} | {"image0": reference_to(assets[0].id)}
    workflow = {"1": {"class_type": "LoadImages", "inputs": inputs}}
    taken = {"1": {f"image{number}": str(one.id) for number, one in enumerate(assets)}}
    completed(messenger, folder, workflow=workflow, assets=taken)


def exported(messenger: Messenger, folder: Path) -> bytes:
    made = done(messenger, folder, asked(messenger, TaskKind.EXPORT))
    assert made.file, made.error_message
    return FolderStore(folder / "outputs").path(made.file["path"]).read_bytes()


def photos(messenger: Messenger) -> list[Asset]:
    """Those of ANOTHER_USER, without archives."""
    with messenger.transaction() as session:
        mine = select(Asset).where(Asset.user_id == ANOTHER_USER, Asset.media_type != "application/zip")
        return list(session.exec(mine.order_by(col(Asset.name))))


def stored_bytes(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.get_one(User, ANOTHER_USER).stored_bytes


def test_an_imported_job_takes_the_assets_of_who_imported_it(messenger: Messenger, tmp_path: Path) -> None:
    old = [asset(messenger, tmp_path), asset(messenger, tmp_path, name="other.png")]
    taking(messenger, tmp_path, *old)
    made = imported(messenger, tmp_path, exported(messenger, tmp_path))
    assert made.result == {"jobs": 1, "files": 2, "bytes": 3 + len(PHOTO), "skipped": {}}, made.error_message
    (job,) = theirs(messenger)
    other, photo = photos(messenger)
    assert job.assets == {"1": {"image0": str(photo.id), "image1": str(other.id)}}
    assert job.workflow
    assert job.workflow["1"]["inputs"] == {"image0": reference_to(photo.id), "image1": "other.png"}
    assert (photo.name, photo.kind, photo.media_type, photo.tags) == ("photo.png", "image", "image/png", ["mine"])
    assert (photo.path, photo.hash) == (other.path, old[0].hash)
    assert photo.path.startswith(f"{ANOTHER_USER}/assets/")
    assert b"".join(FolderStore(tmp_path / "outputs").read(photo.path)) == PHOTO
    assert stored_bytes(messenger) == 3 + len(PHOTO), "two names for the same bytes"
    with messenger.transaction() as session:
        assert set(session.exec(select(AssetUse.asset_id).where(AssetUse.job_id == job.id))) == {photo.id, other.id}
        assert not session.exec(select(DiscardedFolder.folder)).all(), "what has a row is not noted"


def test_an_imported_job_can_be_run_again(messenger: Messenger, tmp_path: Path) -> None:
    taking(messenger, tmp_path, asset(messenger, tmp_path))
    imported(messenger, tmp_path, exported(messenger, tmp_path))
    terms = {"owner": str(ANOTHER_USER)}
    made = done(messenger, tmp_path, asked(messenger, TaskKind.RETRY_JOBS, user_id=ANOTHER_USER, terms=terms))
    assert made.result["changed"] == 1, made.result
    old, again = sorted(theirs(messenger), key=lambda job: job.id)
    assert (again.parent_id, again.assets, again.workflow) == (old.id, old.assets, old.workflow)


def test_one_that_names_an_asset_of_somebody_else_is_not_run_with_it(messenger: Messenger, tmp_path: Path) -> None:
    def without_inputs(contents: dict[str, bytes]) -> None:
        with_line(contents, 1, inputs=[])

    taking(messenger, tmp_path, one := asset(messenger, tmp_path))
    imported(messenger, tmp_path, changed(exported(messenger, tmp_path), without_inputs))
    assert [job.assets for job in theirs(messenger)] == [{"1": {"image0": str(one.id)}}], "it is USER's"
    terms = {"owner": str(ANOTHER_USER)}
    made = done(messenger, tmp_path, asked(messenger, TaskKind.RETRY_JOBS, user_id=ANOTHER_USER, terms=terms))
    assert made.result["skipped"] == {"asset_gone": 1}
    assert len(theirs(messenger)) == 1


@pytest.mark.parametrize("page", [1, 20])
def test_the_same_bytes_are_in_an_archive_once(
    messenger: Messenger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(exporting, "PAGE", page)
    one = asset(messenger, tmp_path)
    for _ in range(3):
        taking(messenger, tmp_path, one)
    task_id, worker = asked(messenger, TaskKind.EXPORT), runner(messenger, tmp_path)
    object.__setattr__(worker, "turn_s", -1.0)  # each page is another turn
    while not task(messenger, task_id).state.is_final:
        assert worker.run_one()
    made = task(messenger, task_id)
    archive = archive_of(tmp_path, made)
    assert len([name for name in archive.namelist() if name.startswith("inputs/")]) == 1
    _, *jobs = manifest_of(archive)
    assert {archive.read(job["inputs"][0]["file"]) for job in jobs} == {PHOTO}
    path = tmp_path / "outputs" / str((made.file or {})["path"])
    assert imported(messenger, tmp_path, path.read_bytes()).result["jobs"] == 3
    (photo,) = photos(messenger)
    assert {job.assets["1"]["image0"] for job in theirs(messenger) if job.assets} == {str(photo.id)}
    assert stored_bytes(messenger) == 9 + len(PHOTO)


def test_what_the_user_has_is_not_stored_again(messenger: Messenger, tmp_path: Path) -> None:
    taking(messenger, tmp_path, asset(messenger, tmp_path))
    own = asset(messenger, tmp_path, user_id=ANOTHER_USER)
    assert imported(messenger, tmp_path, exported(messenger, tmp_path)).result["bytes"] == 3
    assert [one.id for one in photos(messenger)] == [own.id]
    (job,) = theirs(messenger)
    assert job.assets == {"1": {"image0": str(own.id)}}


@pytest.mark.parametrize("content", [None, PHOTO[:-1] + b"!"], ids=["lost", "changed"])
def test_an_asset_that_the_store_has_lost_or_changed_is_counted(
    messenger: Messenger, tmp_path: Path, content: bytes | None
) -> None:
    one = asset(messenger, tmp_path)
    taking(messenger, tmp_path, one)
    file = FolderStore(tmp_path / "outputs").path(one.path)
    file.unlink() if content is None else file.write_bytes(content)
    made = done(messenger, tmp_path, asked(messenger, TaskKind.EXPORT))
    assert made.result["skipped"] == {"file_missing": 1}
    archive = archive_of(tmp_path, made)
    assert manifest_of(archive)[1]["inputs"][0]["file"] is None
    assert not [name for name in archive.namelist() if name.startswith("inputs/")]
    path = tmp_path / "outputs" / str((made.file or {})["path"])
    assert imported(messenger, tmp_path, path.read_bytes()).result["jobs"] == 1
    (job,) = theirs(messenger)
    assert job.assets == {"1": {"image0": str(one.id)}}, "it leads nowhere, as before"


def test_bytes_with_another_hash_take_their_job_with_them(messenger: Messenger, tmp_path: Path) -> None:
    taking(messenger, tmp_path, asset(messenger, tmp_path))

    def damage(contents: dict[str, bytes]) -> None:
        (name,) = (name for name in contents if name.startswith("inputs/"))
        contents[name] = PHOTO[:-1] + b"!"

    made = imported(messenger, tmp_path, changed(exported(messenger, tmp_path), damage))
    assert (made.result["jobs"], made.result["skipped"]) == (0, {"file_damaged": 1})
    assert not photos(messenger)


@pytest.mark.parametrize("wrong", [{"name": "../../a"}, {"hash": "sha256:1"}, {"size_bytes": -1}])
def test_a_line_with_what_can_be_no_asset_is_counted(
    messenger: Messenger, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    taking(messenger, tmp_path, asset(messenger, tmp_path))

    def change(contents: dict[str, bytes]) -> None:
        head, line = contents["manifest.jsonl"].splitlines()
        job = json.loads(line)
        job["inputs"][0] |= wrong
        contents["manifest.jsonl"] = b"\n".join([head, json.dumps(job).encode(), b""])

    made = imported(messenger, tmp_path, changed(exported(messenger, tmp_path), change))
    assert (made.state, made.result["skipped"]) == (TaskState.COMPLETED, {"invalid": 1})
    assert not photos(messenger)


def test_assets_count_for_what_the_user_may_store(messenger: Messenger, tmp_path: Path) -> None:
    taking(messenger, tmp_path, asset(messenger, tmp_path))
    made = imported(messenger, tmp_path, exported(messenger, tmp_path), terms={"stored_bytes": 50})
    assert (made.state, made.error_code) == (TaskState.FAILED, "quota_exceeded")
    with messenger.transaction() as session:
        assert not session.exec(select(GenerationJob).where(GenerationJob.user_id == ANOTHER_USER)).all()
