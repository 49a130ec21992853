"""How much room there is says a folder, and a bucket says nothing: nobody is to be told that it is full."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.storage.folder_store import FolderStore
from shared.storage.opening import Access, open_store
from worker_service.metrics.storage import FreeSpace

NAME = "genonaut_storage_free_bytes"


def test_a_folder_shows_its_room_and_a_bucket_nothing(tmp_path: Path) -> None:
    of_a_folder, of_a_bucket = CollectorRegistry(), CollectorRegistry()
    for _ in range(2):
        FreeSpace(of_a_bucket, open_store("s3://bucket", Access({})))()
    look = FreeSpace(of_a_folder, FolderStore(tmp_path / "not" / "yet" / "there"))
    look()
    look()
    assert (of_a_folder.get_sample_value(NAME) or 0) > 0
    assert of_a_bucket.get_sample_value(NAME) is None
