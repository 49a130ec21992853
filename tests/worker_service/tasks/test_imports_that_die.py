"""Whenever the worker of an import dies: each file that it has put has a row or a note, and each row has its file."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update
from sqlmodel import col, select

from shared.configuration.settings import Settings
from shared.files.folders import ARRIVES_WITHIN, WRITERS_GONE
from shared.messaging.messenger import Messenger
from shared.models import Asset, DiscardedFolder, GenerationJob, JobOutput, Task, TaskKind, TaskState
from shared.storage.folder_store import FolderStore
from tests.cleaning import cleaned
from tests.jobs import ANOTHER_USER
from tests.tasks import asked, done, make_due, task
from tests.worker_service.tasks.archives import completed
from tests.worker_service.tasks.test_archived_inputs import asset, exported, taking
from worker_service.tasks.archives import importing
from worker_service.tasks.archives.imported_rows import add_rows

OWN = f"{ANOTHER_USER}/tasks/"  # the folder of the task is noted with its end


@pytest.fixture
def archive(messenger: Messenger, tmp_path: Path) -> bytes:
    """Two jobs with a file and a thumbnail each; one of them took an asset."""
    taking(messenger, tmp_path, asset(messenger, tmp_path))
    completed(messenger, tmp_path, b"picture")
    return exported(messenger, tmp_path)


def kept(messenger: Messenger, folder: Path, archive: bytes) -> UUID:
    """The archive as an asset of who imports it."""
    return asset(messenger, folder, archive, user_id=ANOTHER_USER, name="a.zip").id


def files(folder: Path) -> set[str]:
    """Those of who imports."""
    return {
        file.key for file in FolderStore(folder / "outputs").files(str(ANOTHER_USER)) if not file.key.startswith(OWN)
    }


def named(messenger: Messenger) -> set[str]:
    """The files that rows of who imports name."""
    with messenger.transaction() as session:
        theirs = select(GenerationJob.id).where(GenerationJob.user_id == ANOTHER_USER)
        outputs = session.exec(select(JobOutput).where(col(JobOutput.job_id).in_(theirs))).all()
        assets = session.exec(select(Asset.path).where(Asset.user_id == ANOTHER_USER)).all()
        thumbnails = {made["path"] for output in outputs for made in output.thumbnails.values()}
        return {output.path for output in outputs} | thumbnails | set(assets)


def notes(messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.exec(select(DiscardedFolder.folder)))


def age_notes(messenger: Messenger, by: timedelta) -> None:
    with messenger.transaction() as session:
        session.exec(update(DiscardedFolder).values(created_at=func.now() - by))


def check_account(messenger: Messenger, folder: Path) -> None:
    there, wanted, noted = files(folder), named(messenger), notes(messenger)
    assert wanted <= there
    loose = [file for file in there - wanted if not any(file.startswith(f"{note}/") for note in noted)]
    assert loose == []
    assert not [file for file in wanted if any(file.startswith(f"{note}/") for note in noted)]


@contextmanager
def dying(environ: dict[str, str]) -> Iterator[Callable[[int], bool]]:
    """What lets a worker do what is due, and die before the so many-th thing that outlasts it; False if there were not
    so many."""
    command = [sys.executable, "-m", "tests.task_process", "worker", "dying"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, **environ}, **pipes) as process:
        assert process.stdin
        assert process.stdout
        asking, answering = process.stdin, process.stdout

        def dies(before: int) -> bool:
            asking.write(f"{before}\n")
            asking.flush()
            ended = int(answering.readline())
            assert ended in {0, -signal.SIGKILL}
            return ended != 0

        try:
            yield dies
        finally:
            process.kill()


def is_there(messenger: Messenger) -> bool:
    with messenger.transaction() as session:
        return session.exec(select(GenerationJob.id).where(GenerationJob.user_id == ANOTHER_USER)).first() is not None


@pytest.mark.long
@pytest.mark.system
@pytest.mark.timeout(900)
def test_one_that_dies_before_each_of_its_steps_leaves_nothing_that_nobody_finds(
    messenger: Messenger, environ: dict[str, str], settings: Settings, archive: bytes, tmp_path: Path
) -> None:
    parameters = {"asset_id": str(kept(messenger, tmp_path, archive))}
    made = asked(messenger, TaskKind.IMPORT, user_id=ANOTHER_USER, parameters=parameters)
    died, number, was_there = 0, 1, False
    with dying(environ) as dies:
        while dies(number):
            died += 1
            check_account(messenger, tmp_path)
            anew: dict[str, Any] = {"attempts": 0}
            if is_there(messenger):  # from here on it is about the end of the task
                number, was_there = number + 1 if was_there else 1, True
            else:  # the next comes one step further from the beginning, and not from what this one has done
                anew, number = {**anew, "cursor": {}, "done": 0, "result": {}}, number + 1
            with messenger.transaction() as session:
                session.exec(update(Task).where(col(Task.id) == made).values(**anew))
            make_due(messenger)
    assert died > 30
    found = task(messenger, made)
    assert (found.state, found.result["jobs"]) == (TaskState.COMPLETED, 2), found.error_message
    check_account(messenger, tmp_path)
    age_notes(messenger, WRITERS_GONE)
    cleaned(messenger, settings, "folders")
    assert files(tmp_path) == named(messenger)
    assert notes(messenger) == []


def test_files_that_clean_up_may_have_removed_are_stored_anew(
    messenger: Messenger, archive: bytes, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a worker that was stopped between the files and the rows, for longer than anybody writes."""
    slow = [ARRIVES_WITHIN, WRITERS_GONE]

    def stopped_before(*given: Any) -> int:
        if slow:
            stopped_for = slow.pop()
            age_notes(messenger, stopped_for)
            cleaned(messenger, settings, "folders")
        return add_rows(*given)

    monkeypatch.setattr(importing, "add_rows", stopped_before)
    made = imported_by(messenger, tmp_path, archive)
    assert (made.state, made.result["jobs"]) == (TaskState.COMPLETED, 2), made.error_message
    assert (slow, len(notes(messenger))) == ([], 3), "the second try's two jobs and asset are for clean-up"
    check_account(messenger, tmp_path)


def imported_by(messenger: Messenger, folder: Path, archive: bytes) -> Task:
    parameters = {"asset_id": str(kept(messenger, folder, archive))}
    return done(messenger, folder, asked(messenger, TaskKind.IMPORT, user_id=ANOTHER_USER, parameters=parameters))
