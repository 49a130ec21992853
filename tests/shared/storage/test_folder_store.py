"""A store in a folder leaves no half file in it, and nothing outside."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from shared.database.fast_rows import new_row
from shared.files.folders import job_folder
from shared.models import GenerationJob
from shared.storage.folder_store import FolderStore
from shared.storage.opening import Access, open_store
from shared.storage.store import NotStored


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "not" / "yet" / "there")


def test_nothing_but_the_file_is_left_in_its_folder(store: FolderStore, file: Path) -> None:
    store.put({"a/x": file})
    assert [path.name for path in (store.root / "a").iterdir()] == ["x"]


def test_files_can_be_read_by_others_of_this_machine_whatever_the_umask(store: FolderStore, file: Path) -> None:
    former = os.umask(0o077)
    try:
        store.put({"a/x": file, "a/y": b"small"})
    finally:
        os.umask(former)
    assert [stat.S_IMODE(store.path(key).stat().st_mode) for key in ("a/x", "a/y")] == [0o644, 0o644]


def test_where_one_of_several_cannot_be_put_nothing_is_left_under_another_name(store: FolderStore, file: Path) -> None:
    store.path("a/in the way").mkdir(parents=True)
    with pytest.raises(NotStored):
        store.put({"a/x": file, "a/in the way": b"small", "a/y": file.with_name("nothing")})
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_a_store_that_cannot_write_says_so_and_leaves_nothing_behind(tmp_path: Path, file: Path) -> None:
    in_the_way = tmp_path / "store"
    in_the_way.write_text("a file where the folder should be")
    with pytest.raises(NotStored, match="could not store x"):
        FolderStore(in_the_way).put({"x": file})


def test_a_store_is_opened_by_its_url(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "with space"
    open_store(folder.as_uri(), Access({})).put({"x": file})
    assert (folder / "x").exists()


def test_a_job_has_a_folder_by_user_and_day() -> None:
    user = UUID(int=7)
    job = new_row(GenerationJob, id=12, user_id=user, created_at=datetime(2026, 3, 9, 23, 59, tzinfo=UTC))
    assert job_folder(job) == f"{user}/2026/03/09/12"


def test_pieces_for_a_place_that_cannot_be_are_refused_with_the_reason(store: FolderStore, file: Path) -> None:
    store.put({"a": file})
    with pytest.raises(NotStored, match="could not store a/b"):
        store.incoming("a/b")


def test_a_linked_file_is_no_copy_and_stays_without_the_first(store: FolderStore, file: Path) -> None:
    store.put({"a/x": file})
    store.link("a/x", "b/y")
    assert store.path("a/x").samefile(store.path("b/y"))
    store.remove("a")
    assert b"".join(store.read("b/y")) == file.read_bytes()


def test_nothing_is_linked_below_a_file(store: FolderStore, file: Path) -> None:
    store.put({"a": file})
    with pytest.raises(NotStored):
        store.link("a", "a/y")
