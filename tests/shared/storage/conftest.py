"""Stores of each kind, for tests of what all of them promise."""

from pathlib import Path

import pytest

from shared.storage.folder_store import FolderStore
from shared.storage.store import OutputStore
from tests.buckets import S3


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.landing)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> OutputStore:
    """An empty store."""
    if request.param == "folder":
        return FolderStore(tmp_path / "not" / "yet" / "there")
    server: S3 = request.getfixturevalue("s3")
    return server.store()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4)
    return path
