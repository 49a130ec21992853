"""A store in a bucket holds through broken connections, and says in one sentence what it cannot do."""

import resource
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest

from shared.storage.bucket import PART, open_bucket
from shared.storage.object_store import ObjectStore
from shared.storage.opening import Access, open_store
from shared.storage.store import AlreadyStored, NotStored
from tests.buckets import S3, rclone_server
from tests.chaos.proxy import Link, links

LARGE = b"0123456789abcdef" * (2 * PART // 16 + 1)


@pytest.fixture
def link(s3: S3) -> Iterator[Link]:
    with links() as make:
        yield make(s3.port)


@pytest.fixture
def store(s3: S3, link: Link) -> ObjectStore:
    """Behind the link."""
    return s3.behind(link.port).store()


@pytest.fixture
def few_bytes() -> Iterator[Callable[[], None]]:
    """From when it is called on, no file of this process grows beyond a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.broad
def test_a_file_is_stored_through_connections_that_break(store: ObjectStore, link: Link, tmp_path: Path) -> None:
    store.check()  # a connection is kept open
    (tmp_path / "file").write_bytes(LARGE)
    link.cut()
    store.put({"x": tmp_path / "file"})
    pieces = store.read("x")
    begin = next(pieces)
    link.cut()
    assert begin + b"".join(pieces) == LARGE


def test_a_store_that_is_away_says_so_and_misses_nothing(store: ObjectStore, link: Link, file: Path) -> None:
    store.put({"x": file})
    link.refuse()
    with pytest.raises(NotStored, match=r"^could not store y: the object store does not answer$"):
        store.put({"y": file})
    with pytest.raises(NotStored, match="does not answer"):
        store.check()
    for look in (store.read, store.size, store.open, store.remove):
        with pytest.raises(OSError, match=r"^the object store does not answer$"):
            look("x")
    assert store.unreadable() == "the object store does not answer"
    link.listen()
    assert b"".join(store.read("x")) == file.read_bytes()


def test_what_breaks_off_in_parts_is_aborted(s3: S3) -> None:
    incoming = s3.store().incoming("x")
    incoming.write(LARGE)
    incoming.drop()
    assert s3.unfinished() == 0


def test_that_the_workers_own_disk_is_full_is_why_a_file_does_not_grow(s3: S3, few_bytes: Callable[[], None]) -> None:
    with pytest.raises(NotStored, match="the worker's own disk: File too large"), s3.store().growing("x", 0) as growing:
        growing.write(b"what is written later than it is told")
        few_bytes()
        growing.rewrite(0, b"W")


def test_what_is_sent_again_because_the_answer_was_lost_is_kept(s3: S3) -> None:
    store = s3.store()
    for _ in range(2):
        incoming = store.incoming("x")
        incoming.write(b"same")
        incoming.keep()
    assert b"".join(store.read("x")) == b"same"


@contextmanager
def losing_the_last_answer(s3: S3, change: Callable[[], None] = lambda: None) -> Iterator[S3]:
    """In front of the server. It tells of the end of parts what S3 tells who ends them once more; `change` is done
    after the first end."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with closing(HTTPConnection("127.0.0.1", s3.port, timeout=30)) as connection:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                status, said, told = answer.status, answer.read(), answer.getheaders()
            if self.command == "POST" and "uploadId=" in self.path:
                change()
                status, said, told = 404, b"<Error><Code>NoSuchUpload</Code></Error>", []
            self.send_response(status)
            kept = [(name, value) for name, value in told if name.lower() not in {"content-length", "connection"}]
            size = next((value for name, value in told if name.lower() == "content-length"), str(len(said)))
            for name, value in (*kept, ("Content-Length", size)):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield s3.behind(server.server_port)
        server.shutdown()


def test_a_file_in_parts_whose_last_answer_was_lost_is_kept(s3: S3) -> None:
    with losing_the_last_answer(s3) as behind:
        store = behind.store()
        incoming = store.incoming("x")
        incoming.write(LARGE)
        incoming.keep()
        assert b"".join(store.read("x")) == LARGE


def test_a_file_in_parts_that_is_not_what_was_sent_is_not_kept(s3: S3, file: Path) -> None:
    prefix = uuid4().hex

    def change() -> None:
        s3.store(prefix).remove("x")
        s3.store(prefix).put({"x": file})

    with losing_the_last_answer(s3, change) as behind:
        incoming = behind.store(prefix).incoming("x")
        incoming.write(LARGE)
        with pytest.raises(NotStored):
            incoming.keep()
        incoming.drop()


def test_a_server_that_refuses_conditions_is_asked_for_none(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    store = s3.store()
    for content in (b"first", b"second"):
        incoming = store.incoming("x")
        incoming.write(content)
        if content == b"first":
            incoming.keep()
    with pytest.raises(AlreadyStored):
        incoming.keep()
    with store.growing("y", 0) as growing:
        growing.write(b"one")
        growing.sync()
    with store.growing("y", 0) as growing:
        growing.write(b"two")
        growing.finish(lambda: None)
    assert [b"".join(store.read(key)) for key in ("x", "y")] == [b"first", b"two"]


def test_a_file_that_changes_while_it_is_read_is_no_mixture(s3: S3, tmp_path: Path) -> None:
    store = s3.store()
    for content in (LARGE, LARGE[::-1]):
        (tmp_path / "file").write_bytes(content)
        store.put({"x": tmp_path / "file"})
        if content is LARGE:
            pieces = store.read("x")
            next(pieces)
    with pytest.raises(OSError, match="the file was changed while it was read"):
        list(pieces)


def test_a_bucket_that_is_not_there_is_no_missing_file(s3: S3, file: Path) -> None:
    config = {"endpoint": s3.endpoint, "region": "us-east-1", "access_key_id": "x", "secret_access_key": "y"}
    store = ObjectStore(open_bucket("s3://nothing/x", config))
    assert store.unreadable() == "the object store answered 404 NoSuchBucket"
    with pytest.raises(NotStored, match="the object store has no such bucket"):
        store.check()
    with pytest.raises(NotStored, match="the object store has no such bucket"):
        store.put({"x": file})


@pytest.mark.broad
def test_only_who_knows_the_secret_is_let_in_and_signed_urls_are_for_others(tmp_path: Path, file: Path) -> None:
    with rclone_server(tmp_path) as server:
        store = server.store("prefix", signed_for=timedelta(minutes=5))
        store.put({"a/x.png": file})
        with pytest.raises(NotStored, match="the object store answered 403"):
            server.store("prefix", secret="wrong").put({"a/x.png": file})
        url = store.signed_url("a/x.png")
        assert url is not None
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read() == file.read_bytes()
        another = url[:-1] + ("0" if url[-1] != "0" else "1")
        for wrong in (another, url.replace("x.png", "y.png"), url.partition("?")[0]):
            with pytest.raises(urllib.error.HTTPError, match=r"40[03]") as refused:
                urllib.request.urlopen(wrong, timeout=10)
            refused.value.close()


def test_nobody_is_sent_on_unless_that_is_set(s3: S3, file: Path) -> None:
    store = s3.store()
    store.put({"x": file})
    assert store.signed_url("x") is None


@pytest.mark.long
def test_a_store_that_is_silent_is_not_waited_for(store: ObjectStore, link: Link) -> None:
    link.stall()
    assert store.unreadable() == "the object store does not answer"


@pytest.mark.parametrize("url", ["gs://bucket/prefix", "az://container/prefix"])
def test_the_other_stores_are_opened_by_their_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    assert isinstance(open_store(url, Access({})), ObjectStore)


def test_a_store_that_cannot_be_as_it_is_set_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "perhaps")
    with pytest.raises(ValueError, match=r"^the object store cannot be used as it is set: "):
        open_store("s3://bucket", Access({}))
