"""The output store keeps bytes under a key, whole, and nothing outside its folder."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from shared.database.fast_rows import new_row
from shared.files.folders import job_folder
from shared.models import GenerationJob
from shared.storage.durable import CHUNK
from shared.storage.folder_store import FolderStore
from shared.storage.opening import open_store
from shared.storage.store import NotStored


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "not" / "yet" / "there")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4)
    return path


def test_what_is_put_is_read_back(store: FolderStore, file: Path) -> None:
    store.put({"a/b/c.png": file})
    assert b"".join(store.read("a/b/c.png")) == file.read_bytes()
    assert store.size("a/b/c.png") == 1024


def test_several_are_put_together_whichever_folders_they_are_for(
    store: FolderStore, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    store.put({"a/x": file, "a/y": other, "b/x": other})
    assert [b"".join(store.read(key)) for key in ("a/x", "a/y", "b/x")] == [file.read_bytes(), b"other", b"other"]


def test_a_part_is_read_from_its_start_for_its_length(store: FolderStore, file: Path) -> None:
    store.put({"x": file})
    assert b"".join(store.read("x", 250, 10)) == bytes([250, 251, 252, 253, 254, 255, 0, 1, 2, 3])
    assert b"".join(store.read("x", 1020)) == bytes([252, 253, 254, 255])
    assert b"".join(store.read("x", 1020, 100)) == bytes([252, 253, 254, 255])


def test_large_files_come_in_chunks(store: FolderStore, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (2 * CHUNK + 1))
    store.put({"large": large})
    assert [len(chunk) for chunk in store.read("large")] == [CHUNK, CHUNK, 1]


def test_a_second_put_takes_the_place_of_the_first(store: FolderStore, file: Path) -> None:
    store.put({"x": file})
    file.write_bytes(b"second")
    store.put({"x": file})
    assert b"".join(store.read("x")) == b"second"


def test_nothing_but_the_file_is_left_in_its_folder(store: FolderStore, file: Path) -> None:
    store.put({"a/x": file})
    assert [path.name for path in (store.root / "a").iterdir()] == ["x"]


def test_where_one_of_several_cannot_be_put_nothing_is_left_under_another_name(store: FolderStore, file: Path) -> None:
    store.path("a/in the way").mkdir(parents=True)
    with pytest.raises(NotStored):
        store.put({"a/x": file, "a/in the way": file, "a/y": file.with_name("nothing")})
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_a_missing_file_is_missed_before_the_first_byte(store: FolderStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("nowhere")
    with pytest.raises(FileNotFoundError):
        store.size("nowhere")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a/\0"])
def test_a_key_cannot_leave_the_store(store: FolderStore, file: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.put({key: file})


def test_removing_a_folder_removes_all_below_it_and_nothing_else(store: FolderStore, file: Path) -> None:
    for key in ("a/1/x", "a/1/y/z", "a/2/x"):
        store.put({key: file})
    store.remove("a/1")
    store.remove("a/1")
    assert [str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file()] == ["a/2/x"]


def test_a_store_that_cannot_write_says_so_and_leaves_nothing_behind(tmp_path: Path, file: Path) -> None:
    in_the_way = tmp_path / "store"
    in_the_way.write_text("a file where the folder should be")
    with pytest.raises(NotStored, match="could not store x"):
        FolderStore(in_the_way).put({"x": file})


def test_a_store_is_opened_by_its_url(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "with space"
    open_store(folder.as_uri()).put({"x": file})
    assert (folder / "x").exists()


def test_a_job_has_a_folder_by_user_and_day() -> None:
    user = UUID(int=7)
    job = new_row(GenerationJob, id=12, user_id=user, created_at=datetime(2026, 3, 9, 23, 59, tzinfo=UTC))
    assert job_folder(job) == f"{user}/2026/03/09/12"


def test_what_arrives_in_pieces_has_its_key_once_it_is_kept(store: FolderStore) -> None:
    incoming = store.incoming("a/b")
    incoming.write(b"one ")
    incoming.write(b"two")
    with pytest.raises(FileNotFoundError):
        store.size("a/b")
    incoming.keep()
    incoming.drop()
    assert b"".join(store.read("a/b")) == b"one two"
    assert [path.name for path in store.path("a").iterdir()] == ["b"]


def test_what_is_dropped_leaves_nothing(store: FolderStore) -> None:
    incoming = store.incoming("a/b")
    incoming.write(b"one")
    incoming.drop()
    incoming.drop()
    assert list(store.path("a").iterdir()) == []


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


def test_nothing_cannot_be_linked(store: FolderStore, file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.link("a/x", "b/y")
    store.put({"a": file})
    with pytest.raises(NotStored):
        store.link("a", "a/y")
