"""Servers and folders for the tests; each test gets its own folder, and nothing is left behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from tests.deploy_local.watching import PATIENCE_S

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def postgres_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server that tests share."""
    return tmp_path_factory.mktemp("postgres")


@pytest.fixture(scope="session")
def postgres(postgres_folder: Path) -> Iterator[Postgres]:
    """A throwaway server that tests share: each makes databases of its own."""
    with Postgres.start(postgres_folder / "server", postgres_folder / "log", durable=False) as server:
        yield server


@pytest.fixture
def launch(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a Python script as a launcher would be: in the repository, its output in a pipe."""
    launchers = []

    def start(script: str, *arguments: str) -> "subprocess.Popen[str]":
        file = folder / "launcher.py"
        file.write_text(script)
        launcher = subprocess.Popen(
            [sys.executable, str(file), *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            stdout=subprocess.PIPE,
            text=True,
        )
        launchers.append(launcher)
        return launcher

    yield start
    for launcher in launchers:
        launcher.kill()
        launcher.communicate(timeout=PATIENCE_S)
