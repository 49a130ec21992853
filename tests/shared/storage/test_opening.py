"""Which store a process has is said by its settings, and what cannot be is said at its start."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.configuration.settings import SettingsError, load_settings
from shared.storage.folder_store import FolderStore
from shared.storage.moving import MovingStore
from shared.storage.object_store import ObjectStore
from shared.storage.opening import open_storage, storage_or_exit


def test_a_folder_is_opened_and_a_bucket_and_both_while_files_move(tmp_path: Path) -> None:
    folder, bucket = tmp_path.as_uri(), "s3://bucket/prefix"
    assert isinstance(open_storage(load_settings({"STORAGE_URL": folder})).store, FolderStore)
    assert isinstance(open_storage(load_settings({"STORAGE_URL": bucket})).store, ObjectStore)
    store, moving = open_storage(load_settings({"STORAGE_URL": bucket, "STORAGE_MOVING_FROM": folder}))
    assert store is moving
    assert isinstance(moving, MovingStore)
    assert isinstance(moving.former, FolderStore)


def test_a_store_that_cannot_be_as_it_is_set_ends_the_process_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "perhaps")
    with pytest.raises(SystemExit, match="2"):
        storage_or_exit(load_settings({"STORAGE_URL": "s3://bucket"}))
    said = capsys.readouterr().err
    assert said.startswith("STORAGE_URL: the object store cannot be used as it is set: ")
    assert said.count("\n") == 1


# As where the extra was not installed.
WITHOUT_LIBRARY = """
import sys
sys.modules["obstore"] = None
from shared.configuration.settings import settings_or_exit
from shared.storage.opening import storage_or_exit
print(type(storage_or_exit(settings_or_exit()).store).__name__)
"""


def opened_without_library(**variables: str) -> subprocess.CompletedProcess[str]:
    command, environ = [sys.executable, "-c", WITHOUT_LIBRARY], {"APP_ENV": "test", **variables}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.system
def test_a_folder_needs_no_library_of_buckets(tmp_path: Path) -> None:
    done = opened_without_library(STORAGE_URL=tmp_path.as_uri())
    assert (done.returncode, done.stdout) == (0, "FolderStore\n"), done.stderr


@pytest.mark.system
@pytest.mark.parametrize("variable", ["STORAGE_URL", "STORAGE_MOVING_FROM"])
def test_a_library_that_is_missing_is_named_with_what_brings_it(tmp_path: Path, variable: str) -> None:
    done = opened_without_library(**{"STORAGE_URL": tmp_path.as_uri(), variable: "s3://bucket"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{variable}: a bucket wants packages that are not installed (obstore). Install ")
    assert "the extra `buckets`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.system
@pytest.mark.parametrize("module", ["api_service", "worker_service"])
def test_a_service_ends_with_that_line_and_nothing_else(module: str) -> None:
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9"}
    ended = subprocess.run(
        [sys.executable, "-m", module],
        env={"APP_ENV": "test", **nowhere, "STORAGE_URL": "s3://bucket", "AWS_CONDITIONAL_PUT": "perhaps"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("STORAGE_URL: the object store cannot be used as it is set: ")
    assert "Traceback" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STORAGE_URL", "s3://"),
        ("STORAGE_URL", "s3://user:password@bucket"),
        ("STORAGE_URL", "s3://bucket/../other"),
        ("STORAGE_URL", "ftp://host/folder"),
        ("STORAGE_MOVING_FROM", "/a/folder"),
        ("STORAGE_MOVING_FROM", "s3://bucket/prefix/"),
        ("STORAGE_ENDPOINT", "minio:9000"),
        ("STORAGE_ENDPOINT", "https://minio:90000"),
        ("STORAGE_ENDPOINT", "https://[minio"),
        ("STORAGE_SECRET_ACCESS_KEY", "alone"),
        ("STORAGE_SIGNED_URLS", "perhaps"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_no_secret_is_shown(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"STORAGE_URL": "s3://bucket/prefix", variable: value})
    (line,) = refused.value.problems
    assert line.startswith(f"{variable}: ")
    assert "password" not in line
    assert "alone" not in line
