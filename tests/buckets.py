"""Buckets of real S3 servers, each a program of its own on 127.0.0.1."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from shared.storage.object_store import ObjectStore
from shared.storage.opening import Access, open_store
from tests import store_servers

WITHIN_S = 60.0
IN_TURNS = Path(__file__).with_name("moto_in_turns.py")
NAME = "outputs"
KEY, SECRET = "tests-key", "tests-secret"


class S3(NamedTuple):
    """A server with one bucket."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, prefix: str) -> dict[str, str]:
        """What has a process keep its files there."""
        return {
            "STORAGE_URL": f"s3://{NAME}/{prefix}",
            "STORAGE_ENDPOINT": self.endpoint,
            "STORAGE_REGION": "us-east-1",
            "STORAGE_ACCESS_KEY_ID": KEY,
            "STORAGE_SECRET_ACCESS_KEY": SECRET,
        }

    def store(self, prefix: str = "", *, secret: str = SECRET, signed_for: timedelta | None = None) -> ObjectStore:
        config = {"endpoint": self.endpoint, "region": "us-east-1", "access_key_id": KEY, "secret_access_key": secret}
        found = open_store(f"s3://{NAME}/{prefix or uuid4().hex}", Access(config, signed_for))
        assert isinstance(found, ObjectStore)
        return found

    def behind(self, port: int) -> "S3":
        """The same, as it is reached through a proxy."""
        return S3(port)

    def unfinished(self) -> int:
        """How many uploads in parts have neither been completed nor aborted."""
        with urllib.request.urlopen(f"{self.endpoint}/{NAME}?uploads", timeout=10) as answer:
            return int(answer.read().count(b"<UploadId>"))


@contextmanager
def moto_server(folder: Path) -> Iterator[S3]:
    """Knows conditions, and takes any signature. Skips where it is not installed."""
    if not store_servers.PYTHON:
        pytest.skip(store_servers.MISSING)
    command = [store_servers.PYTHON, str(IN_TURNS)]
    with running(command, folder / "moto.log", "Running on http://127.0.0.1:") as port:
        server = S3(port)
        request = urllib.request.Request(f"{server.endpoint}/{NAME}", method="PUT")
        urllib.request.urlopen(request, timeout=WITHIN_S).close()
        yield server


@contextmanager
def rclone_server(folder: Path) -> Iterator[S3]:
    """Refuses wrong and outdated signatures, and knows no conditions. Skips where it is not installed."""
    if not store_servers.RCLONE:
        pytest.skip(store_servers.MISSING)
    (folder / "files" / NAME).mkdir(parents=True)
    command = [store_servers.RCLONE, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", f"{KEY},{SECRET}"]
    command += ["--config", str(folder / "none"), "--vfs-cache-mode", "off", str(folder / "files")]
    with running(command, folder / "rclone.log", "http://127.0.0.1:") as port:
        yield S3(port)


@contextmanager
def running(command: list[str], log: Path, says: str) -> Iterator[int]:
    """A program, from when it has said its port behind those words until the end of the block."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent) as process:
        try:
            yield port_said(log, says, process)
        finally:
            process.kill()


def port_said(log: Path, says: str, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with suppress(ValueError, IndexError):
            return int(log.read_text(errors="replace").split(says, 1)[1].split()[0].rstrip("/]"))
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace"))
