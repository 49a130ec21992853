"""Thumbnails are made again of the outputs that are there."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import col, select, update

from shared.messaging.messenger import Messenger
from shared.models import JobOutput, TaskKind
from shared.storage.folder_store import FolderStore
from tests.tasks import asked, done
from tests.worker_service.tasks.archives import completed
from worker_service.media.pool import MediaPool


@pytest.fixture
def media() -> Iterator[MediaPool]:
    pool = MediaPool(1)
    yield pool
    pool.close()


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(content, "PNG")
    return content.getvalue()


@pytest.mark.system
def test_each_output_gets_those_of_today_and_the_others_are_counted(
    messenger: Messenger, tmp_path: Path, media: MediaPool
) -> None:
    good, damaged, lost = (completed(messenger, tmp_path, one) for one in (picture(), b"no picture", picture()))
    with messenger.transaction() as session:
        session.exec(update(JobOutput).where(col(JobOutput.job_id) == good).values(thumbnails={}, thumbnail_note="?"))
    for path in (tmp_path / "outputs").rglob(f"{lost}/1/0.png"):
        path.unlink()
    made = done(messenger, tmp_path, asked(messenger, TaskKind.THUMBNAILS), media=media)
    assert made.result == {"outputs": 1, "skipped": {"file_damaged": 1, "file_missing": 1}}, made.error_message
    with messenger.transaction() as session:
        output = session.exec(select(JobOutput).where(JobOutput.job_id == good)).one()
        kept = session.exec(select(JobOutput).where(JobOutput.job_id == damaged)).one()
    assert (sorted(output.thumbnails), output.thumbnail_note) == (["150", "300", "600"], None)
    assert sorted(kept.thumbnails) == ["150", "300"], "what cannot be made again stays"
    content = b"".join(FolderStore(tmp_path / "outputs").read(output.thumbnails["150"]["path"]))
    assert Image.open(io.BytesIO(content)).size == (40, 20)
