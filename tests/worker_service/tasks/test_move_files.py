"""All files move from one store to another while everything runs, whoever dies in the middle."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.messaging.messenger import Messenger
from shared.models import TaskKind, TaskState
from shared.storage.folder_store import FolderStore
from shared.storage.moving import MovingStore
from shared.storage.store import IncomingFile, NotStored, OutputStore
from tests.buckets import S3
from tests.simulator.running import eventually
from tests.tasks import asked, done, make_due, task
from tests.tasks import runner as runner_of

MOVE = TaskKind.MOVE_FILES
LARGE = b"0123456789abcdef" * (10 * 2**16)


@pytest.fixture(params=["to_s3", "from_s3"])
def moving(request: pytest.FixtureRequest, tmp_path: Path, s3: S3) -> MovingStore:
    folder, bucket = FolderStore(tmp_path / "files"), s3.store()
    return MovingStore(folder, bucket) if request.param == "to_s3" else MovingStore(bucket, folder)


def fill(store: OutputStore, files: dict[str, bytes], folder: Path) -> None:
    given = {}
    for number, (key, content) in enumerate(files.items()):
        (folder / f"given-{number}").write_bytes(content)
        given[key] = folder / f"given-{number}"
    store.put(given)


def content(store: OutputStore) -> dict[str, bytes]:
    return {entry.key: b"".join(store.read(entry.key)) for entry in store.files() if not entry.key.startswith(".")}


FILES = {f"user/2026/01/{number % 3}/{number}/1/0.png": b"%d" % number for number in range(70)} | {"user/large": LARGE}


def test_all_files_are_there_and_stay_in_the_former_store(
    messenger: Messenger, tmp_path: Path, moving: MovingStore
) -> None:
    fill(moving.former, FILES, tmp_path)
    made = done(messenger, tmp_path, asked(messenger, MOVE, parameters={}), moving=moving)
    assert (made.state, made.done, made.total) == (TaskState.COMPLETED, 71, 71), made.error_message
    size = sum(map(len, FILES.values()))
    assert made.result == {"files": 71, "bytes": size, "removed": 0, "skipped": {}}
    assert content(moving.later) == content(moving.former) == FILES


@pytest.mark.broad
def test_what_was_told_to_go_from_the_former_store_goes_once_all_are_moved(
    messenger: Messenger, tmp_path: Path, moving: MovingStore
) -> None:
    fill(moving.former, FILES, tmp_path)
    made = done(messenger, tmp_path, asked(messenger, MOVE, parameters={"remove_former": True}), moving=moving)
    assert (made.done, made.total, made.result["removed"], made.result["files"]) == (142, 142, 71, 71)
    assert (content(moving.later), content(moving.former)) == (FILES, {})


class Full(FolderStore):
    """It has files, and takes no more of them."""

    def incoming(self, key: str) -> IncomingFile:
        raise NotStored(key, "No space left on device")


def test_asked_for_again_it_compares_and_sends_nothing(messenger: Messenger, tmp_path: Path) -> None:
    former, later = FolderStore(tmp_path / "files"), Full(tmp_path / "later")
    for store in (former, later):
        fill(store, FILES, tmp_path)
    made = done(messenger, tmp_path, asked(messenger, MOVE, parameters={}), moving=MovingStore(former, later))
    assert (made.result["files"], made.result["skipped"]) == (71, {})


def test_files_are_read_from_wherever_they_are_and_written_to_the_later_store(
    messenger: Messenger, tmp_path: Path, moving: MovingStore
) -> None:
    fill(moving.former, {"a/old": b"old", "a/both": b"outdated"}, tmp_path)
    fill(moving, {"a/new": b"new", "a/both": b"both"}, tmp_path)
    moving.link("a/old", "a/linked")
    everything = {"a/both": b"both", "a/linked": b"old", "a/new": b"new", "a/old": b"old"}
    assert content(moving) == everything
    assert sorted(content(moving.former)) == ["a/both", "a/old"]
    made = done(messenger, tmp_path, asked(messenger, MOVE, parameters={}), moving=moving)
    assert made.result == {"files": 1, "bytes": 3, "removed": 0, "skipped": {"other_there": 1}}
    assert content(moving.later) == everything
    moving.remove("a")
    assert content(moving.later) == content(moving.former) == {}


def test_a_file_that_grows_goes_on_in_the_later_store(moving: MovingStore) -> None:
    with moving.former.growing("t/x", 0) as growing:
        growing.write(b"begun, and more")
        growing.sync()
    with moving.growing("t/x", 6) as growing:
        growing.write(b" and done")
        growing.finish(lambda: None)
    assert b"".join(moving.read("t/x")) == b"begun, and done"


def test_a_store_that_is_away_is_waited_for(messenger: Messenger, tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    moving = MovingStore(FolderStore(tmp_path / "files"), FolderStore(tmp_path / "in the way" / "later"))
    fill(moving.former, {"a": b"1"}, tmp_path)
    task_id = asked(messenger, MOVE, parameters={})
    for _ in range(9):
        make_due(messenger)
        assert runner_of(messenger, tmp_path, moving=moving).run_one()
    assert task(messenger, task_id).state is not TaskState.FAILED
    (tmp_path / "in the way").unlink()
    make_due(messenger)
    assert done(messenger, tmp_path, task_id, moving=moving).result["files"] == 1


def test_a_former_store_that_is_not_there_is_waited_for_and_not_taken_for_an_empty_one(
    messenger: Messenger, tmp_path: Path
) -> None:
    moving = MovingStore(FolderStore(tmp_path / "former"), FolderStore(tmp_path / "later"))
    task_id = asked(messenger, MOVE, parameters={})
    assert runner_of(messenger, tmp_path, moving=moving).run_one()
    assert not task(messenger, task_id).state.is_final
    fill(moving.former, {"a": b"1"}, tmp_path)
    make_due(messenger)
    assert done(messenger, tmp_path, task_id, moving=moving).result["files"] == 1


def test_a_task_without_a_former_store_says_what_is_to_be_set(messenger: Messenger, tmp_path: Path) -> None:
    made = done(messenger, tmp_path, asked(messenger, MOVE, parameters={}))
    assert (made.state, made.error_code) == (TaskState.FAILED, "no_former_store")
    assert "STORAGE_MOVING_FROM" in str(made.error_message)


@pytest.mark.system
def test_a_worker_killed_in_the_middle_loses_nothing_and_another_goes_on(
    messenger: Messenger, environ: dict[str, str], tmp_path: Path, s3: S3
) -> None:
    files = {f"u/{number:03}/0.png": b"%d" % number * 100 for number in range(300)}
    former = FolderStore(tmp_path / "former")
    fill(former, files, tmp_path)
    later = s3.store(prefix := tmp_path.name)
    task_id = asked(messenger, MOVE, parameters={"remove_former": True})
    given = environ | s3.environment(prefix) | {"STORAGE_MOVING_FROM": former.root.as_uri(), "TASK_PAGE": "16"}
    for pages in ("7", "24"):  # while it copies, and while it removes
        with subprocess.Popen([sys.executable, "-m", "tests.task_process", "w", pages], env=given) as process:
            eventually(lambda at=pages: task(messenger, task_id).done >= (int(at) - 1) * 16)  # type: ignore[misc]
            process.kill()
        assert content(MovingStore(former, later)) == files
        make_due(messenger)
    subprocess.run([sys.executable, "-m", "tests.task_process", "w"], env=given, check=True, timeout=60)
    made = task(messenger, task_id)
    assert (made.state, made.result["files"], made.result["skipped"]) == (TaskState.COMPLETED, 300, {})
    assert (content(later), content(former)) == (files, {})
    assert 300 - 16 <= made.result["removed"] <= 300, "what was removed as the worker died nobody has counted"
