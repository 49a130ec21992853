"""A store keeps bytes under a key, whole, and gives them back, whichever kind it is."""

import struct
import threading
from pathlib import Path

import pytest

from shared.storage.durable import CHUNK
from shared.storage.store import AlreadyStored, NotStored, OutputStore


def content(store: OutputStore, key: str) -> bytes:
    return b"".join(store.read(key))


def keys(store: OutputStore, folder: str = "", after: str = "") -> list[str]:
    return [entry.key for entry in store.files(folder, after)]


def keep(store: OutputStore, key: str, *pieces: bytes) -> None:
    incoming = store.incoming(key)
    for piece in pieces:
        incoming.write(piece)
    incoming.keep()
    incoming.drop()


def test_what_is_put_is_read_back(store: OutputStore, file: Path) -> None:
    store.put({"a/b/c.png": file})
    assert content(store, "a/b/c.png") == file.read_bytes()
    assert store.size("a/b/c.png") == 1024
    assert store.unreadable() is None


def test_several_are_put_together_whichever_folders_they_are_for(
    store: OutputStore, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    store.put({"a/x": file, "a/y": other, "b/x": other})
    assert [content(store, key) for key in ("a/x", "a/y", "b/x")] == [file.read_bytes(), b"other", b"other"]


def test_what_is_in_memory_is_put_beside_files(store: OutputStore, file: Path) -> None:
    store.put({"a/x": file, "a/y": b"small", "b/z": b""})
    assert [content(store, key) for key in ("a/x", "a/y", "b/z")] == [file.read_bytes(), b"small", b""]
    store.put({"a/y": b"another"})
    assert content(store, "a/y") == b"another"


def test_a_part_is_read_from_its_start_for_its_length(store: OutputStore, file: Path) -> None:
    store.put({"x": file})
    assert b"".join(store.read("x", 250, 10)) == bytes([250, 251, 252, 253, 254, 255, 0, 1, 2, 3])
    assert b"".join(store.read("x", 1020)) == bytes([252, 253, 254, 255])
    assert b"".join(store.read("x", 1020, 100)) == bytes([252, 253, 254, 255])
    assert [b"".join(store.read("x", *given)) for given in ((1024, 9), (3, 0), (9999,))] == [b"", b"", b""]


def test_large_files_come_in_chunks(store: OutputStore, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (2 * CHUNK + 1))
    store.put({"large": large})
    assert [len(chunk) for chunk in store.read("large")] == [CHUNK, CHUNK, 1]


@pytest.mark.broad
def test_a_file_of_many_parts_is_whole(store: OutputStore, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(struct.pack(f">{5 * 2**20}I", *range(5 * 2**20)))
    store.put({"large": large})
    assert content(store, "large") == large.read_bytes()
    with store.open("large") as opened:
        assert opened.seek(-8, 2) == 20 * 2**20 - 8
        assert opened.read() == (5 * 2**20 - 2).to_bytes(4) + (5 * 2**20 - 1).to_bytes(4)
        opened.seek(4)
        assert opened.read(8) == (1).to_bytes(4) + (2).to_bytes(4)


def test_a_file_without_bytes_is_a_file(store: OutputStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store.put({"x": tmp_path / "empty"})
    keep(store, "y")
    assert (store.size("x"), content(store, "x"), content(store, "y")) == (0, b"", b"")


def test_a_second_put_takes_the_place_of_the_first(store: OutputStore, file: Path) -> None:
    store.put({"x": file})
    file.write_bytes(b"second")
    store.put({"x": file})
    assert content(store, "x") == b"second"


def test_a_missing_file_is_missed_before_the_first_byte(store: OutputStore) -> None:
    for look in (store.read, store.size, store.open):
        with pytest.raises(FileNotFoundError):
            look("nowhere")
    with pytest.raises(FileNotFoundError):
        store.read("nowhere", 3, 0)


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a/\0"])
def test_a_key_cannot_leave_the_store(store: OutputStore, file: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.put({key: file})


def test_removing_a_folder_removes_all_below_it_and_nothing_else(store: OutputStore, file: Path) -> None:
    store.put(dict.fromkeys(("a/1/x", "a/1/y/z", "a/10/x", "a/2/x"), file))
    store.remove("a/1")
    store.remove("a/1")
    store.remove("a/2/x")
    assert keys(store) == ["a/10/x"]


def test_files_come_in_the_order_of_their_keys_and_from_any_of_them_on(store: OutputStore, file: Path) -> None:
    there = ["a-b/x", "a/b", "a/b.png", "a/c/d", "a0", "b"]
    store.put(dict.fromkeys(there, file))
    assert keys(store) == there
    assert [keys(store, after=key) for key in there] == [there[at + 1 :] for at in range(len(there))]
    assert (keys(store, "a"), keys(store, "a", "a/b.png"), keys(store, "none")) == (there[1:4], there[3:4], [])
    assert (store.folders(), store.folders("a"), store.folders("none")) == (["a", "a-b"], ["c"], [])


def test_what_arrives_in_pieces_has_its_key_once_it_is_kept(store: OutputStore) -> None:
    incoming = store.incoming("a/b")
    incoming.write(b"one ")
    incoming.write(b"two")
    with pytest.raises(FileNotFoundError):
        store.size("a/b")
    incoming.keep()
    incoming.drop()
    assert content(store, "a/b") == b"one two"
    assert keys(store) == ["a/b"]


def test_what_is_dropped_leaves_nothing(store: OutputStore) -> None:
    incoming = store.incoming("a/b")
    incoming.write(b"one" * 8 * 2**20)
    incoming.drop()
    incoming.drop()
    assert keys(store) == []


@pytest.mark.parametrize("size", [3, 9 * 2**20])
def test_what_arrives_takes_the_place_of_nothing(store: OutputStore, size: int) -> None:
    first, second = store.incoming("x"), store.incoming("x")
    first.write(b"1" * size)
    second.write(b"2" * size)
    first.keep()
    with pytest.raises(AlreadyStored, match="there is a file under this key already"):
        second.keep()
    second.drop()
    assert content(store, "x") == b"1" * size
    assert keys(store) == ["x"]


def test_of_many_that_arrive_at_once_one_is_kept(store: OutputStore) -> None:
    kept, everybody = [], threading.Barrier(4)

    def arrive(number: int) -> None:
        incoming = store.incoming("x")
        incoming.write(b"%d" % number)
        everybody.wait(10)
        try:
            incoming.keep()
        except AlreadyStored:
            return
        finally:
            incoming.drop()
        kept.append(number)

    threads = [threading.Thread(target=arrive, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [content(store, "x")] == [b"%d" % number for number in kept]


def test_a_linked_file_stays_without_the_first(store: OutputStore, file: Path) -> None:
    store.put({"a/x": file})
    store.link("a/x", "b/y")
    store.remove("a")
    assert content(store, "b/y") == file.read_bytes()


def test_nothing_cannot_be_linked(store: OutputStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.link("a/x", "b/y")


def test_a_file_grows_over_turns_and_forgets_what_was_not_durable(store: OutputStore) -> None:
    with store.growing("a/x", 0) as growing:
        growing.write(b"one....")
        growing.rewrite(3, b"!!")
        growing.cut(5)
        growing.sync()
        growing.write(b" lost")
        assert (growing.size, b"".join(growing.pieces())) == (10, b"one!!")
    with store.growing("a/x", 5) as growing:
        growing.write(b" two")
        growing.sync()
        assert b"".join(growing.pieces()) == b"one!! two"
        growing.write(b" three")
        growing.sync()
    with store.growing("a/x", 9) as growing:  # as it was after the second
        growing.write(b" four")
        growing.finish(lambda: None)
    assert content(store, "a/x") == b"one!! two four"
    assert keys(store) == ["a/x"]


def test_a_finished_file_is_finished_again_or_grows_on(store: OutputStore) -> None:
    for end in (b"end", b"END"):
        with store.growing("x", 0 if end == b"end" else 4) as growing:
            growing.write(b"file" if end == b"end" else b"")
            growing.sync()
            growing.write(end)
            growing.finish(lambda: None)
        assert content(store, "x") == b"file" + end
    with store.growing("x", 2) as growing:
        growing.write(b"sh")
        growing.sync()
    with store.growing("x", 4) as growing:
        growing.finish(lambda: None)
    assert content(store, "x") == b"fish"


def test_a_file_that_lost_its_end_does_not_grow_on(store: OutputStore) -> None:
    with pytest.raises(NotStored, match="it is shorter than it was"):
        store.growing("x", 4)


def test_of_two_that_write_on_one_is_refused(store: OutputStore) -> None:
    with store.growing("x", 0) as growing:
        growing.write(b"first")
        growing.sync()
    with store.growing("x", 5) as growing, pytest.raises(NotStored, match="another worker is writing it"):
        write_on(store)
        growing.write(b" third")
        growing.sync()


def write_on(store: OutputStore) -> None:
    with store.growing("x", 5) as growing:
        growing.write(b" second")
        growing.sync()


def test_a_store_that_works_says_so(store: OutputStore) -> None:
    store.check()
    store.check()
    assert store.unreadable() is None or keys(store) == []
