"""`make up` as a reader runs it: in a folder that looks like the repository, on a free port, with data of its own."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import free_ports
from tests.docs.pages import ROOT
from tests.lodgings import remove_lodgings
from tests.signals import heeding

ADDRESS = "127.0.0.1:8000"  # in the pages; the system of the tests has another port
MADE_HERE = {".git", "var", "build", ".env"}
# A refusal is a failure, and a service that is being started is waited for.
CURLRC = """
fail
silent
show-error
max-time = 90
retry = 30
retry-delay = 1
retry-connrefused
"""
EXPORT = re.compile(r"^ *export (\w+)=(.*)$", re.MULTILINE)
STARTED = "api_service.accounts.keys list"  # in the last lines that `make up` prints, after those to be pasted
STARTS_WITHIN_S = 90.0
STOPS_WITHIN_S = 30.0
BLOCK_TAKES_S = 240.0


@dataclass(frozen=True)
class Reader:
    """Somebody with a shell in the repository and a system that runs. Their virtual environment is not active."""

    folder: Path
    port: int
    log: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": path_without_environments(),
            "HOME": str(self.folder),
            "CURL_HOME": str(self.folder),  # its .curlrc makes each refusal a failure
            "LC_ALL": "C.UTF-8",
            "PAGES": "none",  # nothing is downloaded for a test
        }

    @property
    def exported(self) -> dict[str, str]:
        """What `make up` prints to be pasted, so that commands work on its database, but for the key."""
        found = dict(EXPORT.findall(self.printed))
        return {name: shlex.split(value)[0] for name, value in found.items() if name != "KEY"}

    @property
    def key(self) -> str:
        """The key that `make up` made."""
        return (self.folder / "var" / "up" / "key").read_text()

    @property
    def printed(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def run(self, command: list[str], text: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Give a program this text on its standard input."""
        return subprocess.run(
            command,
            input=text.replace(ADDRESS, f"127.0.0.1:{self.port}"),
            cwd=self.folder,
            env={**self.environ, **more},
            capture_output=True,
            text=True,
            timeout=BLOCK_TAKES_S,
            check=False,
        )


def path_without_environments() -> str:
    """PATH without the folders of virtual environments."""
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    return os.pathsep.join(str(folder) for folder in folders if not (folder.parent / "pyvenv.cfg").exists())


@contextlib.contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    """Start `make up`, and stop it as Ctrl-C does."""
    look_like_the_repository(folder)
    port, log = next(free_ports()), folder / "make-up.log"
    started = Reader(folder, port, log)
    try:
        with in_a_terminal(["make", "up"], folder, {**started.environ, "API_PORT": str(port)}, log) as process:
            wait_until_it_runs(process, log)
            yield started
    finally:
        remove_lodgings(folder)


@contextlib.contextmanager
def in_a_terminal(
    command: list[str], folder: Path, environ: Mapping[str, str], log: Path
) -> "Iterator[subprocess.Popen[bytes]]":
    """A command that stays, in a terminal of its own: what it prints is in `log`, and Ctrl-C stops it in the end."""
    with log.open("w") as output, heeding():
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(STOPS_WITHIN_S)


def look_like_the_repository(folder: Path) -> None:
    """Link to everything in the repository but to what running it makes there.

    The lock files are copies that look old: newer ones have `make` set the environment up again, under these tests.
    """
    folder.mkdir(mode=0o755, exist_ok=True)
    for path in ROOT.iterdir():
        if path.name not in {*MADE_HERE, "requirements"}:
            (folder / path.name).symlink_to(path)
    (folder / "requirements").mkdir()
    for lock in (ROOT / "requirements").iterdir():
        copy = folder / "requirements" / lock.name
        if lock.is_dir():
            copy.symlink_to(lock)
            continue
        copy.write_bytes(lock.read_bytes())
        os.utime(copy, (0, 0))
    (folder / ".curlrc").write_text(CURLRC)


def wait_until_it_runs(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while STARTED not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def has(program: str) -> bool:
    return shutil.which(program, path=path_without_environments()) is not None
