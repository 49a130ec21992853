"""The launcher as `make` starts it, in a process of its own, its output in a file."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.deploy_local.watching import gone
from tests.journeys.conftest import until
from tests.lodgings import remove_lodgings
from tests.signals import heeding

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


@dataclass
class Launched:
    """A launcher. `data` is where its data are."""

    process: "subprocess.Popen[bytes]"
    output: Path
    data: Path

    def said(self) -> str:
        return self.output.read_text()

    def says(self, words: str) -> str:
        """All it said so far, once that is among it."""
        until(lambda: words in self.said() or self.process.poll() is not None, self.said)
        assert words in self.said(), self.said()
        return self.said()

    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def ended(self) -> int:
        """Its exit code once it has ended by itself."""
        until(lambda: self.process.poll() is not None, self.said)
        return self.process.wait()


@contextmanager
def launched(
    deed: str, folder: Path, ignoring: signal.Signals | None = None, /, **variables: str
) -> Iterator[Launched]:
    """`up` or `demo`, with other variables than ours; nothing of it outlasts the block."""
    output, data = folder / "said", folder / "data"
    with output.open("w") as file, heeding(ignoring=ignoring):
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", deed, "--directory", str(data)],
            cwd=ROOT,
            env={**os.environ, "API_PORT": "0", **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Launched(process, output, data)
    finally:
        left = [child.pid for child in psutil.Process(process.pid).children(recursive=True)] if running(process) else []
        process.kill()
        process.wait(PATIENCE_S)
        until(lambda: all(map(gone, left)))
        remove_lodgings(folder)


def running(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is None
