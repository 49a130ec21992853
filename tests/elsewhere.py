"""Services that run from another place than this repository: an installed wheel, or an older tree."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AT_MOST_S = 60


class Elsewhere:
    """Modules of the code in `site`, run in a folder where this repository is not on the path."""

    def __init__(self, site: Path, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.environ = {"PATH": os.environ["PATH"], **variables, "PYTHONPATH": str(site)}

    def said(self, *module: str) -> str:
        command = [sys.executable, "-m", *module]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, check=True, capture_output=True, timeout=AT_MOST_S
        )
        return done.stdout.decode()

    @contextmanager
    def running(self, module: str) -> Iterator[None]:
        """Runs in the block, and ends well when it is asked to at its end."""
        with (self.folder / f"{module}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=self.folder, env=self.environ, stdout=log, stderr=log
            )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)  # killed, a worker would leave its children behind
            ended = process.wait(AT_MOST_S)
        # Uvicorn ends with the signal that it was sent, once all is done.
        assert ended in {0, -signal.SIGTERM}, Path(log.name).read_text()
