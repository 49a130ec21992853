"""Files that no row names go once they are old; rows whose file is lost are told of and stay."""

import os
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func

from shared.database.engine import transaction
from shared.files.folders import job_folder, note
from shared.models import Asset, AssetKind, TaskKind
from tests.cleaning import clean_up_named, cleaned, tools_of, would_go
from tests.jobs import USER, job, running
from tests.tasks import asked
from tests.worker_service.cleanup.old import Old

WEEK = timedelta(days=7)


def stray(old: Old, path: str, *, days: float = 8) -> str:
    """A file in the store that was written so many days ago."""
    file = old.put(path, 11)
    written = file.stat().st_mtime - timedelta(days=days).total_seconds()
    os.utime(file, (written, written))
    return path


def clean(old: Old) -> int:
    return cleaned(old.messenger, old.settings, "orphans", retention_orphans=WEEK)


def test_files_that_no_row_names_go_once_they_are_old(old: Old) -> None:
    gone, job_id = old.completed(41), old.completed(40)
    gone_folder, folder = (job_folder(job(old.messenger, one)) for one in (gone, job_id))
    assert cleaned(old.messenger, old.settings, "jobs", retention_jobs=timedelta(days=40, hours=12)) == 1
    named = old.files()
    for path in (f"{gone_folder}/1/0.png", f"{folder}/2/.incoming-x", f"{USER}/assets/{uuid4()}/content"):
        stray(old, path)
    stray(old, f"{USER}/tasks/{uuid4()}/archive.zip")
    young = stray(old, f"{folder}/3/0.png", days=1)
    assert would_go(old.messenger, old.settings, "orphans", retention_orphans=WEEK) == (4, 44)
    assert clean(old) == 4
    assert old.files() == sorted([*named, young])
    assert clean(old) == 0


def test_what_a_job_under_way_may_be_writing_stays(old: Old) -> None:
    claim = running(old.messenger)
    old.change(claim.job.id, created_at=func.now() - timedelta(days=30))
    stray(old, f"{job_folder(job(old.messenger, claim.job.id))}/1/0.png")
    assert clean(old) == 0


def test_the_files_of_a_task_that_is_there_stay(old: Old) -> None:
    old.completed(40)
    stray(old, f"{USER}/tasks/{asked(old.messenger, TaskKind.EXPORT)}/archive.zip")
    stray(old, f"{USER}/tasks/mine/archive.zip")
    assert clean(old) == 0


def test_what_another_database_may_know_of_stays(old: Old) -> None:
    """A user that is not known, a number that was not given out yet, and what is no folder of ours."""
    old.completed(40)
    for path in (f"{uuid4()}/2020/01/01/1/1/0.png", f"{USER}/2020/01/01/999999/1/0.png", "notes/of mine"):
        stray(old, path)
    assert clean(old) == 0


def test_what_is_noted_is_left_to_its_note(old: Old) -> None:
    old.completed(40)
    folder = f"{USER}/assets/{uuid4()}"
    stray(old, f"{folder}/content")
    with transaction(old.messenger.engine) as session:
        note(session, folder)
    assert clean(old) == 0, "an upload has this note until it is done"


def test_none_goes_where_none_may(old: Old) -> None:
    old.completed(40)
    stray(old, f"{USER}/assets/{uuid4()}/content")
    assert cleaned(old.messenger, old.settings, "orphans", retention_orphans=None) == 0


def test_a_look_goes_on_where_it_was_broken_off(old: Old) -> None:
    old.completed(40)
    paths = [stray(old, f"{USER}/{day}/{0}/1/0.png") for day in ("2020/01/01", "2020/01/02", "2021/03/01")]
    look = clean_up_named("orphans").find
    tools = tools_of(old.messenger, old.settings, retention_orphans=WEEK)
    first = next(look(tools, None))
    assert ([file.key for file in first.items], first.place) == ([paths[0]], f"{USER}/2020/01/01")
    rest = [file.key for portion in look(tools, first.place) for file in portion.items]
    assert rest == paths[1:]


def test_rows_whose_file_is_lost_are_told_of_and_stay(old: Old) -> None:
    job_id = old.completed(1)
    (old.root / f"{job_folder(job(old.messenger, job_id))}/1/1.png").unlink()
    lost = Asset(
        user_id=USER,
        name="a",
        kind=AssetKind.OTHER,
        media_type="a/b",
        size_bytes=9,
        hash="b",
        path=f"{USER}/assets/a/b",
    )
    with transaction(old.messenger.engine) as session:
        session.add(lost)
    assert would_go(old.messenger, old.settings, "missing_files") == (2, 509)
    assert cleaned(old.messenger, old.settings, "missing_files") == 2
    assert would_go(old.messenger, old.settings, "missing_files") == (2, 509), "nothing was removed"


def test_where_nothing_was_stored_yet_nothing_is_missing(old: Old) -> None:
    assert not old.root.exists()
    assert would_go(old.messenger, old.settings, "missing_files") == (0, 0)


def test_a_store_that_is_away_has_lost_nothing(old: Old) -> None:
    old.completed(1)
    old.root.rename(old.root.with_name("elsewhere"))
    with pytest.raises(OSError, match="No such file"):
        would_go(old.messenger, old.settings, "missing_files")
    assert cleaned(old.messenger, old.settings, "missing_files") == 0
