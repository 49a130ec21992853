"""An archive from elsewhere becomes jobs here: each once, each file verified, and nothing in it is believed."""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from shared.messaging.messenger import Messenger
from shared.models import Asset, AssetKind, DiscardedFolder, GenerationJob, JobOutput, Task, TaskKind, TaskState, User
from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from shared.storage.folder_store import FolderStore
from tests.jobs import ANOTHER_USER, USER
from tests.raw_server import answer, raw_server
from tests.tasks import asked, done, make_due, runner, task
from tests.worker_service.tasks.archives import completed
from tests.worker_service.tasks.contents import sha256_of
from worker_service.tasks.archives import importing
from worker_service.tasks.archives.imported_rows import add_rows
from worker_service.tasks.archives.reading import GivenArchive
from worker_service.tasks.turns.turn import TaskFailed

NESTED: Any = []
for _ in range(300):
    NESTED = [NESTED]
SHOT = col(GenerationJob.caller_metadata).contains({"shot": "0"})


def exported(messenger: Messenger, folder: Path, jobs: int = 2) -> bytes:
    """An archive of so many jobs, the second a child of the first."""
    first = completed(messenger, folder, b"picture 0", caller_metadata={"shot": "0"})
    for number in range(1, jobs):
        completed(messenger, folder, b"picture %d" % number, parent_id=first)
    made = done(messenger, folder, asked(messenger, TaskKind.EXPORT))
    assert made.file
    return FolderStore(folder / "outputs").path(made.file["path"]).read_bytes()


def imported(messenger: Messenger, folder: Path, archive: bytes, **values: Any) -> Task:
    """The task that has imported an archive, for ANOTHER_USER."""
    (folder / "archive").write_bytes(archive)
    key = f"archives/{len(archive)}"
    FolderStore(folder / "outputs").put({key: folder / "archive"})
    facts: dict[str, Any] = {"name": "a.zip", "kind": AssetKind.OTHER, "media_type": "application/zip"}
    with messenger.transaction() as session:
        found = session.exec(select(Asset).where(Asset.path == key)).first()
        asset = found or Asset(user_id=ANOTHER_USER, hash=f"blake3:{len(archive)}", path=key, size_bytes=1, **facts)
        session.add(asset)
    parameters = {"asset_id": str(asset.id)}
    task_id = asked(messenger, TaskKind.IMPORT, user_id=ANOTHER_USER, parameters=parameters, **values)
    return done(messenger, folder, task_id)


def theirs(messenger: Messenger) -> list[GenerationJob]:
    with messenger.transaction() as session:
        found = select(GenerationJob).where(GenerationJob.user_id == ANOTHER_USER)
        return list(session.exec(found.order_by(col(GenerationJob.created_at), col(GenerationJob.id))))


def outputs(messenger: Messenger, job_id: int) -> list[JobOutput]:
    with messenger.transaction() as session:
        return list(session.exec(select(JobOutput).where(JobOutput.job_id == job_id)))


def changed(archive: bytes, change: Any, compression: int = zipfile.ZIP_STORED) -> bytes:
    """The archive with other contents: `change` gets them by their names."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    change(contents)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as new:
        for name, content in contents.items():
            new.writestr(name, content)
    return made.getvalue()


def with_line(contents: dict[str, bytes], number: int, **values: Any) -> None:
    """Change a line of the manifest."""
    lines = contents["manifest.jsonl"].splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **values}).encode()
    contents["manifest.jsonl"] = b"\n".join([*lines, b""])


def test_jobs_come_with_their_files_and_as_they_were(messenger: Messenger, tmp_path: Path) -> None:
    made = imported(messenger, tmp_path, exported(messenger, tmp_path))
    assert made.result == {"jobs": 2, "files": 2, "bytes": 18, "skipped": {}}, made.error_message
    assert (made.done, made.total) == (2, 2)
    first, second = theirs(messenger)
    assert (first.caller_metadata, second.parent_id, first.status) == ({"shot": "0"}, first.id, "completed")
    with messenger.transaction() as session:
        original = session.exec(select(GenerationJob).where(GenerationJob.user_id == USER, SHOT)).one()
        assert session.get_one(User, ANOTHER_USER).stored_bytes == 18
        folders = session.exec(select(DiscardedFolder.folder)).all()
    same = ("created_at", "completed_at", "prompt", "params", "priority", "server")
    assert [getattr(first, name) for name in same] == [getattr(original, name) for name in same]
    (output,) = outputs(messenger, first.id)
    store = FolderStore(tmp_path / "outputs")
    assert b"".join(store.read(output.path)) == b"picture 0"
    assert b"".join(store.read(output.thumbnails["300"]["path"])) == b"small"
    assert output.thumbnails["150"]["path"] == output.thumbnails["300"]["path"], "one file serves both sizes"
    assert output.path.startswith(f"{ANOTHER_USER}/")
    assert not folders, "what has a row is not noted"


def test_an_archive_is_kept_no_longer_than_it_is_read(messenger: Messenger, tmp_path: Path) -> None:
    archive = exported(messenger, tmp_path)
    made = imported(messenger, tmp_path, archive)
    store = FolderStore(tmp_path / "outputs")
    assert not list(store.files(f"{ANOTHER_USER}/tasks"))
    assert store.size(f"archives/{len(archive)}") == len(archive), "the asset stays"
    with messenger.transaction() as session:
        session.get_one(Task, made.id).state = TaskState.WAITING
    make_due(messenger)
    again = done(messenger, tmp_path, made.id)  # as after a worker that died behind that
    assert (again.state, again.result) == (TaskState.COMPLETED, made.result), again.error_message


def test_the_same_archive_twice_makes_nothing_twice(messenger: Messenger, tmp_path: Path) -> None:
    archive = exported(messenger, tmp_path)
    imported(messenger, tmp_path, archive)
    assert imported(messenger, tmp_path, archive).result["skipped"] == {"exists": 2}
    assert len(theirs(messenger)) == 2


def test_nor_does_one_of_jobs_that_were_imported(messenger: Messenger, tmp_path: Path) -> None:
    imported(messenger, tmp_path, exported(messenger, tmp_path))
    terms = {"owner": str(ANOTHER_USER)}
    again = done(messenger, tmp_path, asked(messenger, TaskKind.EXPORT, user_id=ANOTHER_USER, terms=terms))
    assert again.file
    archive = FolderStore(tmp_path / "outputs").path(again.file["path"]).read_bytes()
    assert imported(messenger, tmp_path, archive).result["skipped"] == {"exists": 2}


def test_a_broken_page_is_done_again_and_nothing_twice(
    messenger: Messenger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = exported(messenger, tmp_path, jobs=3)
    monkeypatch.setattr(importing, "PAGE", 1)
    breaks = iter([False, True, True])

    def breaking(*given: Any) -> int:
        if next(breaks, False):
            raise OSError("it broke")
        return add_rows(*given)

    monkeypatch.setattr(importing, "add_rows", breaking)
    assert imported(messenger, tmp_path, archive).result == {"jobs": 3, "files": 3, "bytes": 27, "skipped": {}}
    assert len(theirs(messenger)) == 3
    with messenger.transaction() as session:
        assert len(session.exec(select(DiscardedFolder.folder)).all()) == 2, "the files of the broken tries go"


def test_a_file_that_is_not_what_the_manifest_says_takes_its_job_with_it(messenger: Messenger, tmp_path: Path) -> None:
    def damage(contents: dict[str, bytes]) -> None:
        (name,) = (name for name, content in contents.items() if content == b"picture 0")
        contents[name] = b"picture X"

    made = imported(messenger, tmp_path, changed(exported(messenger, tmp_path), damage))
    assert (made.result["jobs"], made.result["skipped"]) == (1, {"file_damaged": 1})


@pytest.mark.parametrize(
    "values",
    [
        {"status": "running"},
        {"prompt": "a\0"},
        {"priority": 99},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"caller_metadata": {"a": "b" * 5000}},
        {"source": ""},
        {"params": {"cfg": math.inf}},
        {"params": {"cfg": "\ud800"}},
        {"params": {"cfg": NESTED}},
        {"warnings": [{}]},
        {"warnings": [{"code": 5, "message": "x"}]},
    ],
)
def test_a_line_that_can_be_no_job_is_counted(messenger: Messenger, tmp_path: Path, values: dict[str, Any]) -> None:
    made = imported(
        messenger, tmp_path, changed(exported(messenger, tmp_path), lambda found: with_line(found, 1, **values))
    )
    assert (made.state, made.result["jobs"]) == (TaskState.COMPLETED, 1), made.error_message
    assert made.result["skipped"] == {"invalid": 1}


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"", "no whole ZIP"),
        (b"PK\3\4 and nothing more", "no whole ZIP"),
        (changed(zipped := b"PK\5\6" + bytes(18), lambda found: found.update(a=b"b")), "has no manifest.jsonl"),
        (changed(zipped, lambda found: found.update({"manifest.jsonl": b"{}\n"})), "not of a form"),
        (changed(zipped, lambda found: found.update({"manifest.jsonl": b"x" * 1000}), zipfile.ZIP_DEFLATED), "packed"),
        (
            changed(zipped, lambda found: found.update({"manifest.jsonl": b"{}\n"}))[:-6] + b"\xf0\xff\xff\x7f\0\0",
            "no man",
        ),
    ],
    ids=["nothing", "a beginning", "no manifest", "another form", "packed", "a directory elsewhere"],
)
def test_what_is_no_archive_of_ours_fails_and_says_why(
    messenger: Messenger, tmp_path: Path, archive: bytes, said: str
) -> None:
    made = imported(messenger, tmp_path, archive or b"-")
    assert (made.state, made.error_code) == (TaskState.FAILED, "archive_damaged")
    assert said in (made.error_message or "")


def test_names_that_lead_elsewhere_lead_nowhere(messenger: Messenger, tmp_path: Path) -> None:
    def lead_out(contents: dict[str, bytes]) -> None:
        job = json.loads(contents["manifest.jsonl"].splitlines()[1])
        output = job["outputs"][0]
        contents["../../escaped"] = contents.pop(output["file"])
        outputs = [{**output, "file": "../../escaped", "filename": "../../../../x.png/../..", "thumbnails": {}}]
        with_line(contents, 1, outputs=outputs)

    made = imported(messenger, tmp_path, changed(exported(messenger, tmp_path, jobs=1), lead_out))
    assert made.result["jobs"] == 1
    assert not list(tmp_path.rglob("escaped"))
    (job,) = theirs(messenger)
    assert outputs(messenger, job.id)[0].path.startswith(f"{ANOTHER_USER}/")


@pytest.mark.parametrize(
    "media_type", ["text/html\r\nSet-Cookie: a=b", "image/png\n", "image", "tëxt/plain", " a/b", ""]
)
def test_a_media_type_that_no_header_can_have_is_none(messenger: Messenger, tmp_path: Path, media_type: str) -> None:
    def change(contents: dict[str, bytes]) -> None:
        output = json.loads(contents["manifest.jsonl"].splitlines()[1])["outputs"][0]
        with_line(contents, 1, outputs=[{**output, "media_type": media_type}])

    made = imported(messenger, tmp_path, changed(exported(messenger, tmp_path), change))
    assert (made.result["jobs"], made.result["skipped"]) == (1, {"invalid": 1}), made.error_message


def test_an_archive_does_not_unfold_by_naming_a_file_again_and_again(messenger: Messenger, tmp_path: Path) -> None:
    def repeat(contents: dict[str, bytes]) -> None:
        (name,) = (name for name, content in contents.items() if content == b"picture 0")
        large = b"x" * 10_000
        contents[name] = large
        (output,) = json.loads(contents["manifest.jsonl"].splitlines()[1])["outputs"]
        said = {**output, "size_bytes": len(large), "sha256": sha256_of(large), "thumbnails": {}}
        with_line(contents, 1, outputs=[{**said, "number": number} for number in range(100)])

    made = imported(messenger, tmp_path, changed(exported(messenger, tmp_path, jobs=1), repeat))
    assert (made.state, made.error_code) == (TaskState.FAILED, "archive_damaged")
    assert "more bytes than it has" in (made.error_message or "")
    assert not theirs(messenger)


def test_a_directory_that_has_no_place_in_memory_is_not_read() -> None:
    end = b"PK\5\6" + bytes(8) + (2**30).to_bytes(4, "little") + bytes(6)
    with pytest.raises(TaskFailed) as refused:
        GivenArchive(io.BytesIO(end))
    assert refused.value.code == "archive_too_large"


def test_no_more_is_stored_than_the_user_may_have(messenger: Messenger, tmp_path: Path) -> None:
    made = imported(messenger, tmp_path, exported(messenger, tmp_path), terms={"stored_bytes": 10})
    assert (made.state, made.error_code) == (TaskState.FAILED, "quota_exceeded")
    assert not theirs(messenger)


@pytest.fixture
def asking_this_machine() -> Outgoing:
    return Outgoing(allowed_by(["127.0.0.1"]))


def from_url(messenger: Messenger, folder: Path, url: str, **more: Any) -> Task:
    task_id = asked(messenger, TaskKind.IMPORT, user_id=ANOTHER_USER, parameters={"url": url})
    return done(messenger, folder, task_id, **more)


def test_an_archive_at_a_url_is_fetched(messenger: Messenger, tmp_path: Path, asking_this_machine: Outgoing) -> None:
    with raw_server(answer(exported(messenger, tmp_path))) as server:
        made = from_url(messenger, tmp_path, f"{server.url}/a.zip", outgoing=asking_this_machine)
    assert made.result["jobs"] == 2, made.error_message


def test_one_that_broke_off_is_fetched_from_there(
    messenger: Messenger, tmp_path: Path, asking_this_machine: Outgoing
) -> None:
    archive = exported(messenger, tmp_path)
    task_id = asked(messenger, TaskKind.IMPORT, user_id=ANOTHER_USER, parameters={"url": "http://127.0.0.1:1/"})
    store = FolderStore(tmp_path / "outputs")
    with store.growing(f"{ANOTHER_USER}/tasks/{task_id}/archive.zip", 0) as file:
        file.write(archive[:100] + b"not durable")
    rest = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 100-%d/%d\r\nContent-Length: %d\r\n\r\n%b" % (
        len(archive) - 1,
        len(archive),
        len(archive) - 100,
        archive[100:],
    )
    with raw_server(rest) as server:
        with messenger.transaction() as session:
            row = session.get_one(Task, task_id)
            row.cursor, row.parameters = {"fetched": 100}, {"url": server.url}
        made = done(messenger, tmp_path, task_id, outgoing=asking_this_machine)
    assert made.result["jobs"] == 2, made.error_message
    assert b"Range: bytes=100-" in server.asked[0]


@pytest.mark.parametrize(
    ("status", "code"),
    [(b"404 Not Found", "url_not_fetched"), (b"503 Service Unavailable", "url_not_fetched")],
)
def test_a_server_that_does_not_give_it_is_told_of(
    messenger: Messenger, tmp_path: Path, asking_this_machine: Outgoing, status: bytes, code: str
) -> None:
    with raw_server(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status) as server:
        made = from_url(messenger, tmp_path, server.url, outgoing=asking_this_machine)
    assert (made.state, made.error_code) == (TaskState.FAILED, code)
    assert made.attempts == (1 if b"404" in status else 5)


def test_no_request_goes_into_our_own_network(messenger: Messenger, tmp_path: Path) -> None:
    made = from_url(messenger, tmp_path, "http://127.0.0.1:1/a.zip")
    assert made.error_code == "url_not_allowed"


def test_one_that_is_too_large_is_given_up(messenger: Messenger, tmp_path: Path, asking_this_machine: Outgoing) -> None:
    with raw_server(answer(b"x" * 2000)) as server:
        made = from_url(messenger, tmp_path, server.url, outgoing=asking_this_machine, largest_archive=1000)
    assert made.error_code == "archive_too_large"
    assert task(messenger, made.id).file is None
    assert not runner(messenger, tmp_path).run_one()
